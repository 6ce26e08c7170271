import Foundation
import PEFTText
import PEFTRuntime
import Testing

/// The vocabularies in Fixtures/bpe/golden.json, learned by PyPI's `tokenizers`.
struct BPEFixture: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let texts: [String]
  let vocabularySize: Int
  let specialTokens: [String]
  let minimumFrequency: Int
  let tokens: [String]
  let merges: [String]

  static let all: [BPEFixture] = (try? read()) ?? []

  func trained() throws -> TrainedBPE {
    try ByteLevelBPETrainer.train(
      texts: texts, vocabularySize: vocabularySize, specialTokens: specialTokens,
      minimumFrequency: minimumFrequency)
  }

  private static func read() throws -> [BPEFixture] {
    let path = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "Fixtures/bpe/golden.json").path
    let golden = try JSONValue(contentsOf: path)
    return try #require(golden["cases"]?.array).map { entry in
      BPEFixture(
        testDescription: try #require(entry["name"]?.string),
        texts: strings(golden["corpora"]?[try #require(entry["corpus"]?.string)]),
        vocabularySize: try #require(entry["vocabularySize"]?.integer),
        specialTokens: strings(entry["specialTokens"]),
        minimumFrequency: try #require(entry["minimumFrequency"]?.integer),
        tokens: strings(entry["tokens"]), merges: strings(entry["merges"]))
    }
  }

  private static func strings(_ value: JSONValue?) -> [String] {
    (value?.array ?? []).compactMap(\.string)
  }
}
