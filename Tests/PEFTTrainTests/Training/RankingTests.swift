import Foundation
import PEFTData
import PEFTModels
import PEFTNetwork
import PEFTTensor
import PEFTTrain
import PEFTText
import TestSupport
import Testing

/// Embeddings, and the ranks of second texts.
@Suite("Ranking pairs")
struct RankingTests {
  private let directory: TemporaryDirectory
  private let model: TransformerModel
  private let reader: TaskReader

  /// Two pairs share their first text, and two their second.
  private static let pairs = [
    ("red one", "blue"), ("red one", "two three"), ("green", "five four"), ("blue four", "blue"),
    ("three", "green red one"),
  ]

  init() throws {
    directory = try TemporaryDirectory()
    let path = directory.path("model")
    try SmallModel.write(
      to: path, texts: Self.pairs.map { "\($0.0) \($0.1)" }, hiddenSize: 32, layerCount: 1)
    let files = ModelFiles(directory: path)
    model = try TransformerModel.load(
      files: files, output: Retrieval().output(pooling: .mean),
      using: SeededGenerator(seed: 1, purpose: "weights")
    ).model
    reader = TaskReader(
      isCausal: false, tokenizer: try model.configuration.tokenizer(files: files),
      maximumLength: 16)
  }

  private var rows: TaskReader.Rows {
    TaskReader.Rows(
      examples: Self.pairs.enumerated().map {
        TextExample(text: $1.0, pair: $1.1, line: $0 + 1)
      }, path: "pairs")
  }

  private func embeddings(_ texts: [String], normalized: Bool) -> [[Double]] {
    let data = EncodedDataset(
      texts.map { TextExample(text: $0, line: 1) }, targets: nil, tokenizer: reader.tokenizer,
      maximumLength: 16)
    var found: [[Double]] = []
    model.embed(data, normalized: normalized) { found.append($0.map(Double.init)) }
    return found
  }

  private func dot(_ x: [Double], _ y: [Double]) -> Double {
    zip(x, y).reduce(0) { $0 + $1.0 * $1.1 }
  }

  @Test("ranks and loss equal those of all cosines, and predictions are the cosines")
  func ranks() throws {
    let first = embeddings(Self.pairs.map(\.0), normalized: true)
    let distinct = ["blue", "two three", "five four", "green red one"]
    let second = embeddings(distinct, normalized: true)
    var (ranks, losses): ([Double], [Double]) = ([], [])
    for (index, pair) in Self.pairs.enumerated() {
      let right = Set(Self.pairs.filter { $0.0 == pair.0 }.map(\.1))
      let own = try #require(distinct.firstIndex(of: pair.1))
      let cosines = second.map { dot(first[index], $0) }
      let wrong = distinct.indices.filter { !right.contains(distinct[$0]) }
      ranks.append(1 + Double(wrong.count { cosines[$0] >= cosines[own] }))
      losses.append(
        log(1 + wrong.reduce(0) { $0 + exp(20 * (cosines[$1] - cosines[own])) }))
    }
    let task = Retrieval()
    let evaluation = model.evaluate(try task.encode(rows, by: reader), task: task)
    #expect(evaluation.answers == ranks)
    #expect(Set(ranks).count > 1)
    let mean = losses.reduce(0, +) / 5
    #expect(abs(try #require(evaluation["loss"]) - mean) < 1e-5 * mean)
    #expect(evaluation["accuracy"] == Double(ranks.count { $0 == 1 }) / 5)
    let reciprocals = ranks.reduce(0) { $0 + 1 / $1 } / 5
    #expect(abs(try #require(evaluation["mrr"]) - reciprocals) < 1e-12)
    var predictions: [Double] = []
    model.predict(try task.encodeUnlabelled(rows, by: reader)) {
      predictions.append(Double($0[0]))
    }
    for (index, pair) in Self.pairs.enumerated() {
      let own = try #require(distinct.firstIndex(of: pair.1))
      #expect(abs(predictions[index] - dot(first[index], second[own])) < 1e-6)
    }
  }

  @Test("normalised embeddings have the length 1, others the direction alone in common")
  func lengths() {
    let texts = ["red one", "blue", "five four three two one"]
    let (plain, unit) = (
      embeddings(texts, normalized: false), embeddings(texts, normalized: true)
    )
    for (x, y) in zip(plain, unit) {
      #expect(abs(dot(y, y) - 1) < 1e-6)
      #expect(abs(dot(x, y) - dot(x, x).squareRoot()) < 1e-5 && dot(x, x) > 2)
    }
  }

  @Test("a model that maps every text to one point ranks no text first")
  func collapsed() throws {
    for entry in model.parameters where entry.kind == .norm {
      entry.parameter.value = Tensor(
        repeating: entry.parameter.name.hasSuffix("bias") ? 1 : 0, shape: entry.parameter.shape)
    }
    let task = Retrieval()
    let evaluation = model.evaluate(try task.encode(rows, by: reader), task: task)
    #expect(evaluation.answers == [3, 3, 4, 4, 4])
    #expect(evaluation["accuracy"] == 0)
    for entry in model.parameters where entry.kind == .norm {
      entry.parameter.value = Tensor(repeating: .nan, shape: entry.parameter.shape)
    }
    let diverged = model.evaluate(try task.encode(rows, by: reader), task: task)
    #expect(diverged.answers == [3, 3, 4, 4, 4])
  }
}
