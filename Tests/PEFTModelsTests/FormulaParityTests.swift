import PEFTModels
import PEFTNetwork
import PEFTTensor
import Testing

/// Methods that PEFT does not have, against their formulas in PyTorch; see
/// `make_formula_fixtures.py` among the fixtures.
@Suite("Parity of methods with their formulas")
struct FormulaParityTests {
  static let targets = ["query", "intermediate.dense", "layer.0.output.dense"]
  static let methods: [(fixture: String, method: any AdaptationMethod)] = [
    ("ether-plus", RelaxedReflectionTuning(targets: targets)),
    ("propulsion", PowerScaling(degree: 15, targets: targets)),
    ("hyperadapt", DiagonalScaling(targets: targets)),
    ("hiwi", ParameterTransformation(rank: 5, targets: targets)),
    ("hiwi-weight", ParameterTransformation(rank: 5, part: .weight, targets: targets)),
    (
      "lorta",
      TensorAdaptation(rank: 4, alpha: 8, targets: ["query", "value", "intermediate.dense"])
    ),
  ]

  /// The model of a fixture with its method attached, and the values of that.
  private static func model(
    _ fixture: ParityFixture, _ method: any AdaptationMethod
  ) throws -> TransformerModel {
    let model = try fixture.model()
    method.attach(to: model, using: SeededGenerator(seed: 1, purpose: "weights"))
    for parameter in model.trainableParameters {
      let value = try fixture.tensor("start." + parameter.name)
      #expect(value.shape == parameter.shape, "\(parameter.name)")
      parameter.value = value
    }
    return model
  }

  @Test(
    "logits, loss, every gradient, ten steps, and the merged model",
    arguments: methods.indices)
  func trains(index: Int) throws {
    let (name, method) = Self.methods[index]
    let fixture = try ParityFixture("bert", method: name)
    let plain = try fixture.model()
    let base = plain.logits(fixture.batch, on: Tape()).value
    method.attach(to: plain, using: SeededGenerator(seed: 1, purpose: "weights"))
    // Every method starts at the base model.
    #expect(plain.logits(fixture.batch, on: Tape()).value.relativeError(to: base) < 1e-6)
    let model = try Self.model(fixture, method)
    try fixture.check(model, steps: true)
    let trained = model.logits(fixture.batch, on: Tape()).value
    #expect(
      trained.relativeError(to: try fixture.tensor("trainedLogits")) < ParityTests.trainedTolerance)

    let merged = try Self.model(fixture, method)
    merged.mergeAdapters()
    #expect(merged.backboneLinearLayers.allSatisfy { $0.adapter == nil })
    let logits = merged.logits(fixture.batch, on: Tape()).value
    #expect(logits.relativeError(to: try fixture.tensor("mergedLogits")) < ParityTests.tolerance)
    #expect(logits.relativeError(to: base) > 1e-3)
  }

  @Test("layers are recomputed to the same bits", arguments: methods.indices)
  func recomputes(index: Int) throws {
    let (name, method) = Self.methods[index]
    let fixture = try ParityFixture("bert", method: name)
    let model = try Self.model(fixture, method)
    expectSameBitsRecomputing(model) { model.logits(fixture.batch, on: $0) }
  }

  @Test("the catalogue writes and reads the method", arguments: methods.indices)
  func settings(index: Int) throws {
    let (_, method) = Self.methods[index]
    let catalogue = MethodCatalogue.standard
    let again = try #require(catalogue.method(json: catalogue.json(of: method)))
    #expect(catalogue.json(of: again) == catalogue.json(of: method))
    #expect(catalogue.method(named: method.name)?.name == method.name)
  }

  @Test("ETHER+, HiWi's weights and LoRTA are LoRAs, and Propulsion an (IA)³, to rounding")
  func equivalents() throws {
    for (name, method) in Self.methods where !["hyperadapt", "hiwi"].contains(name) {
      let fixture = try ParityFixture("bert", method: name)
      let model = try Self.model(fixture, method)
      let logits = model.logits(fixture.batch, on: Tape()).value
      for layer in model.backboneLinearLayers {
        if let adapter = layer.adapter as? RelaxedReflectionAdapter {
          #expect(adapter.lowRank.rank == 4)
          layer.adapter = adapter.lowRank
        } else if let adapter = layer.adapter as? PowerAdapter {
          layer.adapter = adapter.scaling
        } else if let adapter = layer.adapter as? TensorAdapter {
          #expect(adapter.lowRank.rank == 4)
          layer.adapter = adapter.lowRank
        } else if let adapter = layer.adapter as? ParameterAdapter {
          #expect(adapter.hasPublishedForm && adapter.lowRank.rank == 5)
          layer.adapter = adapter.lowRank
        }
      }
      let others = model.logits(fixture.batch, on: Tape()).value
      #expect(others.relativeError(to: logits) < 1e-5, "\(name)")
    }
  }
}
