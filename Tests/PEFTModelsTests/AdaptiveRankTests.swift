import PEFTModels
import PEFTNetwork
import PEFTTensor
import Testing

/// AdaLoRA against PEFT's; see `make_adalora_fixture.py` among the fixtures.
@Suite("AdaLoRA")
struct AdaptiveRankTests {
  private static let steps = 10
  private static let generator = SeededGenerator(seed: 1, purpose: "weights")

  private static var method: AdaptiveRankAdaptation {
    var method = AdaptiveRankAdaptation(
      rank: 2, startRank: 4, targets: ["query", "value", "intermediate.dense"])
    (method.alpha, method.warmup, method.final, method.price) = (8, 0.3, 0.3, .rank)
    return method
  }

  private let fixture: ParityFixture

  init() throws { fixture = try ParityFixture("bert", method: "adalora") }

  private func attached(_ method: AdaptiveRankAdaptation) throws -> TransformerModel {
    let model = try fixture.model()
    method.attach(to: model, using: Self.generator)
    return model
  }

  private func session(
    of method: AdaptiveRankAdaptation, on model: TransformerModel, steps: Int = Self.steps
  ) throws -> any AdaptationSession {
    try #require(
      method.session(on: model, steps: steps, using: Self.generator) { _ in GradientAccumulator() })
  }

  private func adapters(of model: TransformerModel) -> [TripletAdapter] {
    model.backboneLinearLayers.compactMap { $0.adapter as? TripletAdapter }
  }

  private func isLeft(_ adapter: TripletAdapter) -> [Bool] {
    adapter.values.value.elements.map { $0 != 0 }
  }

  /// Takes steps on the fixture's batch and calls `body` after each, with the step and its loss.
  private func train(
    _ model: TransformerModel, _ session: any AdaptationSession, _ body: (Int, Double) -> Void
  ) {
    let gradients = GradientAccumulator()
    var optimizer = AdamW(
      parameters: model.trainableParameters, settings: AdamW.Settings(decayScope: .all))
    for step in 0..<Self.steps {
      let loss = fixture.loss(model, into: gradients).mean
      _ = session.adjust(gradients, step: step)
      optimizer.step(gradients: gradients, learningRate: 2e-2, gradientScale: 1)
      session.finish(gradients, step: step)
      body(step, loss)
    }
  }

  @Test("logits, loss, penalty, every gradient, ten steps and the ranks are PEFT's")
  func trains() throws {
    let model = try attached(Self.method)
    let base = try fixture.model().logits(fixture.batch, on: Tape()).value
    #expect(model.logits(fixture.batch, on: Tape()).value.relativeError(to: base) < 1e-6)
    #expect(try AdapterFile(fixture.results + "/adapter").load(into: model))
    let logits = model.logits(fixture.batch, on: Tape()).value
    #expect(logits.relativeError(to: try fixture.tensor("logits")) < ParityTests.tolerance)

    let session = try session(of: Self.method, on: model)
    let budget = try #require(session as? TripletBudget)
    let gradients = GradientAccumulator()
    let loss = fixture.loss(model, into: gradients).mean
    let penalty = budget.addPenalty(to: gradients)
    let expected = Double(try fixture.tensor("penalty").scalar)
    #expect(abs(penalty - expected) < ParityTests.tolerance * expected)
    let sum = Double(try fixture.tensor("loss").scalar)
    #expect(abs(loss + penalty - sum) < ParityTests.tolerance * sum)
    #expect(Set(model.trainableParameters.map(\.name)) == fixture.gradientNames)
    for parameter in model.trainableParameters {
      let error = try #require(gradients[parameter]).relativeError(
        to: try fixture.tensor("gradient." + parameter.name))
      #expect(error < ParityTests.tolerance, "\(parameter.name): \(error)")
    }

    let (losses, counts) = (
      try fixture.expected.floats(of: "losses"), try fixture.expected.floats(of: "counts")
    )
    let none = GradientAccumulator()
    var before = penalty
    train(model, session) { step, loss in
      let expected = Double(losses[step])
      #expect(
        abs(loss + before - expected) < ParityTests.trainedTolerance * expected, "step \(step)")
      before = budget.addPenalty(to: none)
      let count = adapters(of: model).reduce(0) { $0 + isLeft($1).count { $0 } }
      #expect(count == Int(counts[step]), "after step \(step)")
    }
    #expect(counts[2] == 24 && counts[5] < 24 && counts[9] == 12)
    for adapter in adapters(of: model) {
      let trained = try fixture.tensor("trained." + adapter.values.name)
      #expect(isLeft(adapter) == trained.elements.map { $0 != 0 }, "\(adapter.values.name)")
      #expect(
        trained.sumOfSquares == 0
          || adapter.values.value.relativeError(to: trained) < ParityTests.trainedTolerance)
    }
    let trained = model.logits(fixture.batch, on: Tape()).value
    #expect(
      trained.relativeError(to: try fixture.tensor("trainedLogits")) < ParityTests.trainedTolerance)
    model.mergeAdapters()
    #expect(model.logits(fixture.batch, on: Tape()).value.relativeError(to: trained) < 1e-5)
  }

  @Test("files of PEFT with all triplets and with those that are left are read")
  func reads() throws {
    for (folder, name) in [("adapter", "logits"), ("trained", "trainedLogits")] {
      let model = try fixture.model()
      try AdapterFile(fixture.results + "/" + folder).attach(to: model)
      let expected = try fixture.tensor(name)
      let logits = model.logits(fixture.batch, on: Tape()).value
      #expect(logits.relativeError(to: expected) < ParityTests.tolerance)
      model.mergeAdapters()
      let merged = model.logits(fixture.batch, on: Tape()).value
      #expect(merged.relativeError(to: expected) < ParityTests.tolerance)
    }
    let model = try fixture.model()
    let method = try AdapterFile(fixture.results + "/adapter").method(for: model)
    #expect(method.settings["start-rank"] == .integer(4) && method.settings["rank"] == .integer(2))
    let catalogue = MethodCatalogue.standard
    let again = try #require(catalogue.method(json: catalogue.json(of: method)))
    #expect(catalogue.json(of: again) == catalogue.json(of: method))
    #expect(throws: FileError.self) {
      try AdapterFile(fixture.results + "/trained").method(for: model)
    }
  }

  @Test("what is published are the triplets that are left, with their pattern")
  func publishes() throws {
    let model = try attached(Self.method)
    #expect(try AdapterFile(fixture.results + "/adapter").load(into: model))
    train(model, try session(of: Self.method, on: model)) { _, _ in }
    let adapted = model.backboneLinearLayers.compactMap { layer in
      (layer.adapter as? TripletAdapter).map { (layer: layer, adapter: $0) }
    }
    let settings = TripletAdapter.configuration(of: adapted)
    #expect(settings["init_r"] == .integer(4) && settings["peft_type"] == .string("ADALORA"))
    var hasFewer = false
    for (layer, adapter) in adapted {
      let count = max(1, isLeft(adapter).count { $0 })
      hasFewer = hasFewer || count < 4
      let pattern = settings["rank_pattern"]?[layer.name + ".lora_E"]?.array
      #expect(pattern?.count == 4 && pattern?.count { $0 == .bool(true) } == count)
      #expect(adapter.published.map { $0.value.shape.extents.min() } == [count, 1, count])
    }
    #expect(hasFewer)
  }

  @Test("triplets are priced by their parameters, and the dearer ones are left less often")
  func prices() throws {
    var method = Self.method
    method.price = .parameters
    let model = try attached(method)
    #expect(try AdapterFile(fixture.results + "/adapter").load(into: model))
    train(model, try session(of: method, on: model)) { _, _ in }
    let adapters = adapters(of: model)
    let budget = adapters.reduce(0) { $0 + 2 * $1.tripletSize }
    let left = adapters.reduce(0) { $0 + $1.tripletSize * isLeft($1).count { $0 } }
    let smallest = try #require(adapters.map(\.tripletSize).min())
    #expect(left <= budget && left > budget - smallest)
    #expect(Set(adapters.map(\.tripletSize)).count == 2)
  }

  @Test("the averages end when the budget is met, and one step is enough to meet it")
  func states() throws {
    let whole = try attached(Self.method)
    let session = try session(of: Self.method, on: whole)
    var states: [[String: [String: Tensor]]] = []
    train(whole, session) { _, _ in states.append(session.state) }
    #expect(states[4]["sensitivity"]?.isEmpty == false && states[4]["kept"]?.isEmpty == true)
    #expect(states[8]["sensitivity"]?.isEmpty == true && states[8]["kept"]?.count == 6)
    let short = try attached(Self.method)
    let only = try self.session(of: Self.method, on: short, steps: 1)
    #expect(only.settledStep == 1)
    only.finish(GradientAccumulator(), step: 0)
    #expect(only.state["kept"]?.values.allSatisfy { $0.elements.contains(1) } == true)
  }

  @Test("the size follows a budget, and settings that do not fit are named")
  func sizes() throws {
    let model = try fixture.model()
    let sized = AdaptiveRankAdaptation().sized(within: 3000, for: model)
    sized.attach(to: model, using: Self.generator)
    #expect(model.trainableCount <= 3000 && sized.startRank >= sized.rank)
    model.detachAdapters()
    var more = sized
    more.rank += 1
    more.givenStartRank = 0
    more.attach(to: model, using: Self.generator)
    #expect(model.trainableCount > 3000)
    for (name, value) in [("start-rank", "1"), ("final", "0.95"), ("targets", "nothing")] {
      var method = AdaptiveRankAdaptation()
      try method.set(name, text: value)
      #expect(method.misfit(in: model)?.setting == name)
    }
  }
}
