import PEFTModels
import PEFTNetwork
import PEFTTensor
import Testing

/// Methods whose adapters PEFT has under types or settings of their own; see `methods` among the
/// fixtures.
@Suite("Parity of methods with peft")
struct MethodParityTests {
  private static func lora(_ settings: [String: String]) throws -> LowRankAdaptation {
    var method = LowRankAdaptation(rank: 4, alpha: 8)
    for (name, value) in settings { try method.set(name, text: value) }
    return method
  }

  /// A method, its fixture and the model of that.
  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    var base = "bert"
    var startsAtBase = true
    let method: @Sendable () throws -> any AdaptationMethod
    var testDescription: String { name }

    var pooling: Pooling { base == "bert" ? .first : .last }
  }

  static let cases: [Case] = [
    Case(name: "rslora") { try lora(["scaling": "root-rank"]) },
    Case(name: "lora-fa") { try lora(["trained": "b"]) },
    Case(name: "lora-plus") { try lora(["b-rate": "16"]) },
    Case(name: "vera") {
      VectorProjection(
        rank: 6, targets: ["query", "intermediate.dense", "attention.output.dense"])
    },
    Case(name: "gpt2-vera", base: "gpt2-classifier") {
      VectorProjection(rank: 6, targets: ["c_attn", "mlp.c_proj"])
    },
    Case(name: "randlora") {
      RandomBasesAdaptation(
        rank: 5, alpha: 10, targets: ["query", "intermediate.dense", "layer.0.output.dense"])
    },
    Case(name: "gpt2-randlora", base: "gpt2-classifier") {
      RandomBasesAdaptation(
        rank: 7, alpha: 7, targets: ["h.1.attn.c_attn", "h.0.mlp.c_proj"])
    },
    Case(name: "hra") {
      ReflectionTuning(rank: 4, targets: ["query", "layer.0.output.dense", "layer.1.output.dense"])
    },
    Case(name: "ether", startsAtBase: false) {
      SingleReflectionTuning(targets: ["query", "layer.0.output.dense", "layer.1.output.dense"])
    },
    Case(name: "c3a") {
      CirculantAdaptation(block: 8, targets: ["query", "intermediate.dense", "output.dense"])
    },
  ]

  @Test("logits, loss, every gradient, ten steps, and the merged model", arguments: cases)
  func trains(item: Case) throws {
    let fixture = try ParityFixture(item.base, method: item.name)
    let model = try fixture.model(pooling: item.pooling)
    let base = model.logits(fixture.batch, on: Tape()).value
    let method = try item.method()
    method.attach(to: model, using: SeededGenerator(seed: 1, purpose: "weights"))
    let start = model.logits(fixture.batch, on: Tape()).value.relativeError(to: base)
    #expect(item.startsAtBase ? start < 1e-6 : start > 1e-3)
    let file = try AdapterFile(fixture.results + "/adapter")
    #expect(try file.load(into: model))
    try fixture.check(model, steps: true)
    let trained = model.logits(fixture.batch, on: Tape()).value
    #expect(
      trained.relativeError(to: try fixture.tensor("trainedLogits")) < ParityTests.trainedTolerance)

    let read = try fixture.model(pooling: item.pooling)
    try file.attach(to: read)
    let attached = read.logits(fixture.batch, on: Tape()).value
    #expect(attached.relativeError(to: try fixture.tensor("logits")) < ParityTests.tolerance)
    read.mergeAdapters()
    #expect(read.backboneLinearLayers.allSatisfy { $0.adapter == nil })
    let merged = read.logits(fixture.batch, on: Tape()).value
    #expect(merged.relativeError(to: try fixture.tensor("mergedLogits")) < ParityTests.tolerance)
    #expect(merged.relativeError(to: base) > 1e-3)
  }

  @Test("layers are recomputed to the same bits", arguments: cases)
  func recomputes(item: Case) throws {
    let fixture = try ParityFixture(item.base, method: item.name)
    let model = try fixture.model(pooling: item.pooling)
    try item.method().attach(to: model, using: SeededGenerator(seed: 1, purpose: "weights"))
    #expect(try AdapterFile(fixture.results + "/adapter").load(into: model))
    expectSameBitsRecomputing(model) { model.logits(fixture.batch, on: $0) }
  }

  @Test("the method of an adapter file has its layers and settings", arguments: cases)
  func further(item: Case) throws {
    let fixture = try ParityFixture(item.base, method: item.name)
    let model = try fixture.model(pooling: item.pooling)
    let file = try AdapterFile(fixture.results + "/adapter")
    let (method, wanted) = (try file.method(for: model), try item.method())
    #expect(method.name == wanted.name && method.settings["rank"] == wanted.settings["rank"])
    #expect(method.settings["scaling"] == wanted.settings["scaling"])
    #expect(method.settings["alpha"] == wanted.settings["alpha"])
    let catalogue = MethodCatalogue.standard
    let again = try #require(catalogue.method(json: catalogue.json(of: method)))
    #expect(catalogue.json(of: again) == catalogue.json(of: method))
    again.attach(to: model, using: SeededGenerator(seed: 2, purpose: "weights"))
    #expect(try file.load(into: model))
    let logits = model.logits(fixture.batch, on: Tape()).value
    #expect(logits.relativeError(to: try fixture.tensor("logits")) < ParityTests.tolerance)
  }

  @Test("PiSSA starts, trains and converts as PEFT's does, with the weights as they were")
  func principal() throws {
    let fixture = try ParityFixture("bert", method: "pissa")
    let model = try fixture.model()
    let base = model.logits(fixture.batch, on: Tape()).value
    // With this rank, the subspace in which singular vectors are found is whole.
    let method = try Self.lora(["rank": "16", "start": "pissa"])
    let generator = SeededGenerator(seed: 1, purpose: "weights")
    let weights = model.backboneLinearLayers.map(\.weight.value)
    method.attach(to: model, using: generator)
    #expect(model.logits(fixture.batch, on: Tape()).value.relativeError(to: base) < 1e-6)
    method.choose(in: model, by: GradientAccumulator(), using: generator)
    let logits = model.logits(fixture.batch, on: Tape()).value
    #expect(logits.relativeError(to: try fixture.tensor("logits")) < ParityTests.tolerance)
    #expect(Set(model.trainableParameters.map(\.name)) == fixture.gradientNames)

    let gradients = GradientAccumulator()
    _ = fixture.loss(model, into: gradients)
    for parameter in model.trainableParameters {
      // The sign of a pair of singular vectors is free, and so is that of its gradients.
      let expected = try fixture.tensor("gradient." + parameter.name)
      let gradient = try #require(gradients[parameter])
      let magnitude = [gradient, expected].map { tensor in
        Tensor(tensor.elements.map(abs), shape: tensor.shape)
      }
      #expect(magnitude[0].relativeError(to: magnitude[1]) < 1e-4, "\(parameter.name)")
    }
    var optimizer = AdamW(
      parameters: model.trainableParameters, settings: AdamW.Settings(decayScope: .all))
    for expected in try fixture.expected.floats(of: "losses") {
      let loss = fixture.loss(model, into: gradients)
      #expect(abs(loss.mean - Double(expected)) < ParityTests.trainedTolerance * Double(expected))
      optimizer.step(gradients: gradients, learningRate: 1e-3, gradientScale: 1)
    }
    let trained = try fixture.tensor("trainedLogits")
    let ours = model.logits(fixture.batch, on: Tape()).value
    #expect(ours.relativeError(to: trained) < ParityTests.trainedTolerance)
    for (layer, weight) in zip(model.backboneLinearLayers, weights) {
      #expect(layer.weight.value.isIdentical(to: weight))
    }

    // What is published is a LoRA of twice the rank, as PEFT converts it.
    let converted = try fixture.model()
    try AdapterFile(fixture.results + "/adapter").attach(to: converted)
    let theirs = converted.logits(fixture.batch, on: Tape()).value
    #expect(theirs.relativeError(to: trained) < ParityTests.tolerance)
    for (layer, other) in zip(model.backboneLinearLayers, converted.backboneLinearLayers) {
      guard let adapter = layer.adapter as? LowRankChangeAdapter else { continue }
      let (mine, peft) = (adapter.equivalent, try #require(other.adapter as? LowRankAdapter))
      #expect(mine.rank == peft.rank && abs(mine.scale - peft.scale) < 1e-12)
      layer.adapter = mine
    }
    #expect(model.logits(fixture.batch, on: Tape()).value.relativeError(to: ours) < 1e-5)
    model.mergeAdapters()
    #expect(model.logits(fixture.batch, on: Tape()).value.relativeError(to: ours) < 1e-5)
  }
}
