import Foundation
import PEFTModels
import TestSupport

/// A small random model, and data whose labels are in the words.
struct Workplace {
  let directory: TemporaryDirectory
  let model: String
  let train: String
  let dev: String

  init(
    family: EncoderConfiguration.Family = .bert, hiddenSize: Int = 128, layerCount: Int = 2
  ) throws {
    directory = try TemporaryDirectory()
    model = directory.path("model")
    let words = ["red", "green", "blue", "one", "two", "three", "four", "five"]
    func rows(_ count: Int, _ offset: Int) -> String {
      (0..<count).map { index in
        let number = index + offset
        let isPositive = number.isMultiple(of: 2)
        let filler = words[number % words.count]
        return
          "\(filler) \(isPositive ? "good" : "bad") \(filler)\t\(isPositive ? "yes" : "no")\n"
      }.joined()
    }
    train = try directory.write(rows(64, 0), to: "train.tsv")
    dev = try directory.write(rows(16, 100), to: "dev.tsv")
    try SmallModel.write(
      to: model, family: family, texts: [rows(64, 0)], hiddenSize: hiddenSize,
      layerCount: layerCount)
  }

  func train(_ extra: String...) throws -> PEFTProcess { try train(extra) }

  func train(_ extra: [String]) throws -> PEFTProcess {
    let (process, place) = try PEFTProcess.start(
      [
        "train", "--learning-rate", "1e-3", "--model", model, "--train", train, "--dev", dev,
        "--pooling", "mean",
      ] + extra)
    return try PEFTProcess.finish(process, place)
  }
}
