import Foundation
import Testing

@Suite("Help")
struct HelpTests {
  static let golden = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Golden")

  /// To accept new texts, run the tests with `PEFT_UPDATE_GOLDEN=1` and review the difference.
  @Test(
    "every help text equals the committed one",
    arguments: [
      "", "inspect", "tokenize", "train", "evaluate", "predict", "doctor", "quickstart", "config",
      "config show", "generate", "pretrain", "models", "probe", "select", "verify", "export",
      "apply", "report", "adapt",
      "compare", "suite",
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
}
