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
  /// The labels of each text, where it may have several; otherwise nil.
  let labelSets: [[Int]]?
  let expected: SafetensorsReader
  /// The directory of the results and of the adapter, if there is one.
  let results: String

  static let root = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "Fixtures/parity").path

  /// The fixture `name`, or what `method` among `methods` computes on its model.
  init(_ name: String, method: String? = nil) throws {
    directory = Self.root + "/" + name
    let inputs = try JSONValue(parsing: FileContents.read(directory + "/inputs.json"))
    func rows(_ value: JSONValue?) -> [[Int32]]? {
      value?.array?.map { $0.array?.compactMap(\.integer).map(Int32.init) ?? [] }
    }
    batch = PackedBatch(
      sequences: try #require(rows(inputs["sequences"])), typeIDs: rows(inputs["typeIDs"]))
    labels = inputs["labels"]?.array?.compactMap(\.double) ?? []
    let sets = inputs["labels"]?.array?.compactMap(\.array)
    labelSets = sets.flatMap { $0.isEmpty ? nil : $0.map { $0.compactMap(\.integer) } }
    results = method.map { Self.root + "/methods/" + $0 } ?? directory
    expected = try SafetensorsReader(path: results + "/expected.safetensors")
  }

  /// The labels as targets.
  var targets: Targets {
    if let labelSets { return .labelSets(labelSets) }
    return outputCount == 1 ? .values(labels) : .classes(labels.map { Int($0) })
  }

  var outputCount: Int { expected.entry("logits")?.shape.last ?? 1 }

  /// The classifier, with its configuration's pooling unless another is given.
  func model(pooling: Pooling? = nil) throws -> TransformerModel {
    let pooling = try pooling ?? ModelConfiguration(directory: directory).usualPooling
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
    let loss = tape.loss(logits, targets: targets)
    tape.pullBack(Tensor(repeating: 1, shape: [1]), from: loss.variable, to: gradients)
    return loss
  }

  /// Expects the stored logits, loss and gradients, and if wanted the losses of ten steps.
  func check(_ model: TransformerModel, steps: Bool) throws {
    let tolerance = ParityTests.tolerance
    let logits = model.logits(batch, on: Tape()).value
    let error = logits.relativeError(to: try tensor("logits"))
    #expect(error < tolerance, "logits differ by \(error)")

    let gradients = GradientAccumulator()
    let loss = self.loss(model, into: gradients)
    let expectedLoss = Double(try tensor("loss").scalar)
    #expect(abs(loss.mean - expectedLoss) < tolerance * abs(expectedLoss))
    let trained = model.trainableParameters
    #expect(Set(trained.map(\.name)) == gradientNames)
    for parameter in trained {
      let gradient = try #require(gradients[parameter], "\(parameter.name) got no gradient")
      let expected = try tensor("gradient." + parameter.name)
      let error = gradient.relativeError(to: expected)
      // A key's bias shifts all scores of a row equally, and the softmax is invariant to that. Its
      // gradient is rounding noise on both sides and is compared at the scale of its sibling's
      // gradient.
      if let queries = parameter.name.queryBiasBesideKeyBias {
        let scale = try tensor("gradient." + queries).sumOfSquares.squareRoot()
        #expect(gradient.sumOfSquares.squareRoot() < tolerance * scale)
      } else {
        #expect(error < tolerance, "gradient of \(parameter.name) differs by \(error)")
      }
    }
    guard steps else { return }
    let rateFactors = model.parameters.map { ($0.parameter, $0.adapter?.rateFactor ?? 1) }
    var optimizer = AdamW(
      parameters: trained, settings: AdamW.Settings(decayScope: .all),
      rateFactors: Dictionary(uniqueKeysWithValues: rateFactors))
    let losses = try expected.floats(of: "losses")
    #expect(losses.count == 10)
    for (step, expected) in losses.enumerated() {
      let loss = self.loss(model, into: gradients)
      #expect(
        abs(loss.mean - Double(expected)) < ParityTests.trainedTolerance * Double(expected),
        "step \(step): loss \(loss.mean), expected \(expected)")
      optimizer.step(gradients: gradients, learningRate: 1e-3, gradientScale: 1)
    }
  }
}
