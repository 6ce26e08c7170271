import Foundation
import PEFTModels
import PEFTNetwork
import PEFTTensor
import TestSupport
import Testing

/// Compares the graphs of ONNX with the models; `Tests/Interoperability` runs them by ONNX Runtime.
@Suite("ONNX")
struct ONNXTests {
  /// The sequences of a batch as padded inputs.
  private func inputs(_ batch: PackedBatch, padding: Int) -> [String: ONNXEvaluator.Value] {
    let lengths = (0..<batch.exampleCount).map { batch.partition[$0].count }
    let width = lengths.max() ?? 0
    func rows(_ value: (Int) -> Double, _ empty: Double) -> ONNXEvaluator.Value {
      ONNXEvaluator.Value(
        shape: [lengths.count, width],
        elements: lengths.indices.flatMap { example in
          (0..<width).map {
            $0 < lengths[example] ? value(batch.partition[example].lowerBound + $0) : empty
          }
        })
    }
    return [
      "input_ids": rows({ Double(batch.ids[$0]) }, Double(padding)),
      "attention_mask": rows({ _ in 1 }, 0),
      "token_type_ids": rows({ Double(batch.typeIDs[$0]) }, 0),
    ]
  }

  private func difference(_ x: [Double], _ y: [Float]) -> Double {
    guard x.count == y.count, y.contains(where: { abs($0) > 0.01 }) else { return .infinity }
    return zip(x, y).reduce(0) { max($0, abs($1.0 - Double($1.1))) }
  }

  @Test(
    "classifiers of all families give the model's logits in a padded batch",
    arguments: [
      "bert", "bert-gelu-tanh", "bert-relu", "roberta", "mpnet", "distilbert", "electra",
      "electra-wide", "albert", "albert-groups", "xlm-roberta", "camembert",
    ])
  func texts(_ name: String) throws {
    let fixture = try ParityFixture(name)
    let directory = try TemporaryDirectory()
    let path = directory.path("model.onnx")
    let model = try fixture.model()
    try model.writeONNX(to: path)
    let graph = try ONNXEvaluator(path: path)
    let hasTypes = graph.inputs.contains("token_type_ids")
    #expect(hasTypes == ["bert", "elec", "albe"].contains(String(name.prefix(4))))
    #expect(graph.outputs == ["logits"])
    let padding = name.hasPrefix("bert") || name.hasPrefix("distil") ? 0 : 1
    let found = try #require(graph(inputs(fixture.batch, padding: padding), "logits"))
    #expect(found.shape == [5, 3])
    let expected = model.logits(fixture.batch, on: Tape()).value.elements
    #expect(difference(found.elements, expected) < 1e-5)
  }

  @Test("other poolings, tokens and pairs", arguments: [Pooling.mean, .first, .last])
  func heads(_ pooling: Pooling) throws {
    let fixture = try ParityFixture("bert")
    let directory = try TemporaryDirectory()
    let generator = SeededGenerator(seed: 3, purpose: "head")
    let texts = fixture.batch
    let inputs = inputs(texts, padding: 0)
    let path = directory.path("model.onnx")
    let (classifier, _) = try TransformerModel.load(
      directory: fixture.directory, output: .classes(4, pooling: pooling), using: generator)
    try classifier.writeONNX(to: path)
    let logits = try #require(try ONNXEvaluator(path: path)(inputs, "logits"))
    #expect(
      difference(logits.elements, classifier.logits(texts, on: Tape()).value.elements) < 1e-5)
    let (pairs, _) = try TransformerModel.load(
      directory: fixture.directory, output: .pairs(.cosine, pooling: pooling), using: generator)
    try pairs.writeONNX(to: path)
    let embeddings = try #require(try ONNXEvaluator(path: path)(inputs, "sentence_embedding"))
    let features = pairs.features(texts, on: Tape()).value
    let unit = (0..<5).flatMap { row -> [Float] in
      let elements = Array(features.elements[row * 24..<(row + 1) * 24])
      let length = elements.reduce(0) { $0 + $1 * $1 }.squareRoot()
      return elements.map { $0 / length }
    }
    #expect(difference(embeddings.elements, unit) < 1e-5)
    guard pooling == .first else { return }
    let (tags, _) = try TransformerModel.load(
      directory: fixture.directory, output: .tokenClasses(4), using: generator)
    try tags.writeONNX(to: path)
    let found = try #require(try ONNXEvaluator(path: path)(inputs, "logits"))
    #expect(found.shape == [5, 17, 4])
    let kept = (0..<5).flatMap { example in
      found.elements[example * 68..<example * 68 + 4 * texts.partition[example].count]
    }
    #expect(difference(kept, tags.logits(texts, on: Tape()).value.elements) < 1e-5)
  }

  @Test(
    "what has no graph is refused, and no file is left",
    arguments: ["modernbert", "gpt2-classifier", "llama-classifier"])
  func refused(_ name: String) throws {
    let directory = try TemporaryDirectory()
    let fixture = try ParityFixture(name)
    let error = #expect(throws: FileError.self) {
      try fixture.model().writeONNX(to: directory.path("model.onnx"))
    }
    #expect(error?.kind == .unsupported)
    #expect(!FileManager.default.fileExists(atPath: directory.path("model.onnx")))
  }
}
