import Foundation
import Testing

@Suite("Help")
struct HelpTests {
  static let golden = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Golden")

  /// To accept new texts, run the tests with `PEFT_UPDATE_GOLDEN=1` and review the difference.
  @Test(
    "every help text equals the committed one",
    arguments: [
      "", "inspect", "tokenize", "train", "evaluate", "predict", "embed", "doctor", "quickstart",
      "config",
      "config show", "generate", "pretrain", "models", "probe", "select", "verify", "export",
      "apply", "report", "adapt", "ls",
      "compare", "suite", "tune",
      "validate", "knapsack",
    ])
  func golden(command: String) throws {
    let words = command.split(separator: " ").map(String.init)
    let (process, directory) = try PEFTProcess.start(words + ["--help"])
    let result = try PEFTProcess.finish(process, directory)
    #expect(result.status == 0)
    let name = command.isEmpty ? "peft" : words.joined(separator: "-")
    try Self.expect(result.output, in: name + ".txt")
  }

  @Test(
    "of many options, --help explains the essential ones, and --help-all all",
    arguments: ["train", "adapt", "compare", "probe", "validate"])
  func all(command: String) throws {
    func help(_ option: String) throws -> String {
      let (process, directory) = try PEFTProcess.start([command, option])
      let result = try PEFTProcess.finish(process, directory)
      #expect(result.status == 0)
      return result.output
    }
    func options(_ text: String) -> Set<String> {
      Set(
        text.split(separator: "\n").filter { $0.hasPrefix("  -") }
          .map { String($0.dropFirst(2).prefix { $0 != " " && $0 != "," }) })
    }
    let (brief, whole) = (try help("--help"), try help("--help-all"))
    try Self.expect(whole, in: command + "-all.txt")
    let omitted = options(whole).subtracting(options(brief))
    #expect(options(brief).isSubset(of: options(whole)) && !omitted.isEmpty)
    #expect(brief.hasSuffix("\n\(omitted.count) more options: peft \(command) --help-all\n"))
    #expect(brief.count < whole.count * 2 / 3)
    for name in ["--model", "--train", "--output", "--config"] {
      #expect(options(brief).contains(name))
    }
  }

  /// A text equals the golden one in `file`, which it replaces with `PEFT_UPDATE_GOLDEN`.
  private static func expect(_ text: String, in name: String) throws {
    let file = golden.appending(path: name)
    if ProcessInfo.processInfo.environment["PEFT_UPDATE_GOLDEN"] != nil {
      try Data(text.utf8).write(to: file)
    }
    #expect(text == String(decoding: try Data(contentsOf: file), as: UTF8.self))
  }

  @Test(
    "on narrow terminals, explanations stay, lines fit, and examples can be pasted",
    arguments: [26, 40, 60], ["select", "train", "adapt", "suite", ""])
  func narrow(width: Int, command: String) throws {
    func help(_ columns: Int) throws -> String {
      let (process, directory) = try PEFTProcess.start(
        (command.isEmpty ? [] : [command]) + ["--help"], environment: ["COLUMNS": "\(columns)"])
      return try PEFTProcess.finish(process, directory).output
    }
    func words(_ text: String) -> [String] {
      text.split { $0.isWhitespace || $0 == "\\" }.map(String.init)
    }
    let (wide, narrow) = (try help(80), try help(width))
    #expect(words(narrow) == words(wide))
    for line in narrow.split(separator: "\n") where line.count > width {
      // Nothing but a single word, with its margin and the backslash behind it, is longer.
      #expect(line.split { $0 == " " || $0 == "\\" }.count == 1, "\(line)")
    }
    let lines = narrow.split(separator: "\n", omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated() where line.hasPrefix("  peft ") {
      var place = index
      while lines[place].hasSuffix("\\") { place += 1 }
      // A command ends before an empty line or the next command.
      #expect(lines[place + 1].isEmpty || lines[place + 1].hasPrefix("  peft "))
    }
  }
}
