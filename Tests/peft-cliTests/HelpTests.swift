import Foundation
import Testing

@Suite("Help")
struct HelpTests {
  static let golden = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Golden")

  /// To accept new texts, run the tests with `PEFT_UPDATE_GOLDEN=1` and review the difference.
  @Test(
    "every help text equals the committed one",
    arguments: [
      "", "inspect", "tokenize", "train", "evaluate", "predict", "embed", "doctor", "quickstart", "config",
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
    let file = Self.golden.appending(path: name + ".txt")
    if ProcessInfo.processInfo.environment["PEFT_UPDATE_GOLDEN"] != nil {
      try Data(result.output.utf8).write(to: file)
    }
    let expected = String(decoding: try Data(contentsOf: file), as: UTF8.self)
    #expect(result.output == expected)
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
