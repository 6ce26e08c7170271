import Foundation
import PEFTModels
import PEFTNetwork
import PEFTTensor
import Testing

/// A small random model with the results of an independent implementation; see the README beside
/// the fixtures.
struct ParityFixture {
  let directory: String
  let batch: PackedBatch
  let labels: [Double]
  let expected: SafetensorsReader

  static let root = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "Fixtures/parity").path

  init(_ name: String) throws {
    directory = Self.root + "/" + name
    let inputs = try JSONValue(parsing: FileContents.read(directory + "/inputs.json"))
    func rows(_ value: JSONValue?) -> [[Int32]]? {
      value?.array?.map { $0.array?.compactMap(\.integer).map(Int32.init) ?? [] }
    }
    batch = PackedBatch(
      sequences: try #require(rows(inputs["sequences"])), typeIDs: rows(inputs["typeIDs"]))
    labels = inputs["labels"]?.array?.compactMap(\.double) ?? []
    expected = try SafetensorsReader(path: directory + "/expected.safetensors")
  }

  var outputCount: Int { expected.entry("logits")?.shape.last ?? 1 }

  func model(pooling: Pooling = .first) throws -> TransformerModel {
    let (model, report) = try TransformerModel.load(
      directory: directory, output: .classes(outputCount, pooling: pooling),
      using: SeededGenerator(seed: 1, purpose: "unused"))
    #expect(report.newlyInitialized.isEmpty)
    return model
  }

  func tensor(_ name: String) throws -> Tensor {
    let entry = try #require(expected.entry(name), "no tensor \(name) in \(directory)")
    return Tensor(try expected.floats(of: name), shape: Shape(entry.shape))
  }

  /// The names of the parameters with a stored gradient.
  var gradientNames: Set<String> {
    Set(expected.tensorNames.filter { $0.hasPrefix("gradient.") }.map { String($0.dropFirst(9)) })
  }

  /// The loss of `model` on the batch; its gradients go to `gradients`.
  func loss(_ model: TransformerModel, into gradients: GradientAccumulator) -> Loss {
    gradients.reset()
    let tape = Tape()
    let logits = model.logits(batch, on: tape)
    let loss =
      outputCount == 1
      ? tape.meanSquaredError(logits, targets: labels)
      : tape.softmaxCrossEntropy(logits, labels: labels.map { Int($0) })
    tape.pullBack(Tensor(repeating: 1, shape: [1]), from: loss.variable, to: gradients)
    return loss
  }
}
