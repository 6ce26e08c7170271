import Foundation
import TestSupport

/// A small random BERT and data whose labels are words in the texts, in a directory that is removed
/// with the last reference to it.
final class ExampleFiles: Sendable {
  let directory: String
  let modelDirectory: String
  let trainPath: String
  let devPath: String

  init() throws {
    directory =
      FileManager.default.temporaryDirectory.appending(path: "peft-article-\(UUID().uuidString)")
      .path
    modelDirectory = directory + "/model"
    trainPath = directory + "/train.tsv"
    devPath = directory + "/dev.tsv"
    func rows(_ numbers: Range<Int>) -> String {
      numbers.map {
        "\($0 % 7) \($0.isMultiple(of: 2) ? "good" : "bad")\t\($0.isMultiple(of: 2) ? "yes" : "no")\n"
      }.joined()
    }
    try SmallModel.write(to: modelDirectory, texts: [rows(0..<32), "a plain film fine"])
    try rows(0..<32).write(toFile: trainPath, atomically: true, encoding: .utf8)
    try rows(32..<48).write(toFile: devPath, atomically: true, encoding: .utf8)
  }

  deinit { try? FileManager.default.removeItem(atPath: directory) }
}

/// Examples print; their tests do not.
func print(_: Any..., separator: String = " ", terminator: String = "\n") {}
