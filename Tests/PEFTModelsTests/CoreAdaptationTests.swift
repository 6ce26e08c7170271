import PEFTModels
import PEFTNetwork
import PEFTTensor
import Testing

@Suite("LoRA-XS")
struct CoreAdaptationTests {
  private let fixture: ParityFixture
  private let model: TransformerModel
  private let generator = SeededGenerator(seed: 4, purpose: "weights")

  init() throws {
    fixture = try ParityFixture("bert")
    model = try fixture.model()
  }

  /// Attaches the method and chooses its frames by the gradients of the fixture's batch.
  private func attach(_ method: CoreAdaptation) throws -> [CoreAdapter] {
    method.attach(to: model, using: generator)
    let gradients = GradientAccumulator()
    _ = fixture.loss(model, into: gradients)
    method.choose(in: model, by: gradients, using: generator)
    return method.layers(of: model).compactMap { $0.adapter as? CoreAdapter }
  }

  /// A · B as plain sums.
  private func product(_ a: Tensor, _ b: Tensor) -> Tensor {
    let (rows, inner, columns) = (a.shape.rows, a.shape.columns, b.shape.columns)
    return Tensor(
      (0..<rows * columns).map { position in
        Float(
          (0..<inner).reduce(0.0) {
            $0 + Double(a[position / columns, $1]) * Double(b[$1, position % columns])
          })
      }, shape: [rows, columns])
  }

  private func transposed(_ a: Tensor) -> Tensor {
    Tensor(
      (0..<a.count).map { a[$0 % a.shape.rows, $0 / a.shape.rows] },
      shape: [a.shape.columns, a.shape.rows])
  }

  @Test(
    "frames are orthonormal and leave the model as it is, bit for bit",
    arguments: [CoreAdaptation.Frames.gradient, .weight, .random])
  func frames(_ frames: CoreAdaptation.Frames) throws {
    let before = model.logits(fixture.batch, on: Tape()).value
    let adapters = try attach(CoreAdaptation(rank: 3, frames: frames))
    #expect(adapters.count == model.backboneLinearLayers.count)
    #expect(model.logits(fixture.batch, on: Tape()).value.isIdentical(to: before))
    #expect(Set(model.trainableParameters) == Set(adapters.map(\.core) + model.taskParameters))
    let identity = Tensor([1, 0, 0, 0, 1, 0, 0, 0, 1], shape: [3, 3])
    for adapter in adapters {
      let (down, up) = (adapter.down.value, adapter.up.value)
      #expect(product(down, transposed(down)).relativeError(to: identity) < 1e-6)
      #expect(product(transposed(up), up).relativeError(to: identity) < 1e-6)
    }
    #expect(model.parameters.allSatisfy { !$0.parameter.wantsWholeGradient })
  }

  @Test("gradient frames hold most of the gradient: Uᵀ G Vᵀ is the core's, and the largest")
  func gradient() throws {
    let whole = try fixture.model()
    FullTuning().attach(to: whole, using: generator)
    let gradients = GradientAccumulator()
    _ = fixture.loss(whole, into: gradients)
    var shares: [[Double]] = []
    for frames in [CoreAdaptation.Frames.gradient, .random] {
      let adapters = try attach(CoreAdaptation(rank: 3, frames: frames))
      let sink = GradientAccumulator()
      _ = fixture.loss(model, into: sink)
      shares.append(
        try zip(adapters, whole.backboneLinearLayers).map { adapter, layer in
          let full = try #require(gradients[layer.weight])
          let expected = product(
            product(transposed(adapter.up.value), full), transposed(adapter.down.value))
          let core = try #require(sink[adapter.core])
          #expect(core.relativeError(to: expected) < 1e-4, "\(layer.name)")
          return core.sumOfSquares / full.sumOfSquares
        })
    }
    for (best, chance) in zip(shares[0], shares[1]) { #expect(best > 0.3 && best > 3 * chance) }
  }

  @Test("merged and as a LoRA, a core is the same map")
  func merged() throws {
    let adapters = try attach(CoreAdaptation(rank: 4))
    for (index, adapter) in adapters.enumerated() {
      var draws = generator.split(index)
      adapter.core.value = Tensor(normal: [4, 4], standardDeviation: 0.3, using: &draws)
    }
    let base = try fixture.model().logits(fixture.batch, on: Tape()).value
    let adapted = model.logits(fixture.batch, on: Tape()).value
    #expect(adapted.relativeError(to: base) > 1e-3)
    let published = adapters.flatMap(\.published)
    #expect(published.count == 2 * adapters.count)
    for (layer, adapter) in zip(model.backboneLinearLayers, adapters) {
      layer.adapter = adapter.lowRank
    }
    #expect(model.logits(fixture.batch, on: Tape()).value.relativeError(to: adapted) < 1e-6)
    for (layer, adapter) in zip(model.backboneLinearLayers, adapters) { layer.adapter = adapter }
    model.mergeAdapters()
    #expect(model.logits(fixture.batch, on: Tape()).value.relativeError(to: adapted) < 1e-5)
  }

  @Test("LoRA-SB starts after a full step of signs, trains and merges as in PyTorch")
  func firstStep() throws {
    let golden = try ParityFixture("bert", method: "lora-sb")
    // With this rank, the subspace in which singular vectors are found is whole.
    var method = CoreAdaptation(
      rank: 16, frames: .step,
      targets: [
        "layer.0.attention.self.query", "layer.0.intermediate.dense", "layer.0.output.dense",
      ])
    method.firstRate = 5e-3
    let base = model.logits(fixture.batch, on: Tape()).value
    #expect(base.relativeError(to: try golden.tensor("baseLogits")) < ParityTests.tolerance)
    let adapters = try attach(method)
    #expect(model.parameters.allSatisfy { !$0.parameter.wantsWholeGradient })
    let logits = model.logits(fixture.batch, on: Tape()).value
    #expect(logits.relativeError(to: try golden.tensor("logits")) < ParityTests.tolerance)
    #expect(logits.relativeError(to: base) > 1e-2)
    #expect(Set(model.trainableParameters.map(\.name)) == golden.gradientNames)

    let gradients = GradientAccumulator()
    let loss = fixture.loss(model, into: gradients)
    #expect(abs(loss.mean - Double(try golden.tensor("loss").scalar)) < 1e-5 * loss.mean)
    for parameter in model.trainableParameters {
      // The sign of a pair of singular vectors is free, and so is that of its gradients.
      let magnitudes = [
        try #require(gradients[parameter]), try golden.tensor("gradient." + parameter.name),
      ].map { Tensor($0.elements.map(abs), shape: $0.shape) }
      #expect(magnitudes[0].relativeError(to: magnitudes[1]) < 1e-4, "\(parameter.name)")
    }
    var optimizer = AdamW(
      parameters: model.trainableParameters, settings: AdamW.Settings(decayScope: .all))
    let losses = try golden.expected.floats(of: "losses")
    #expect(losses.count == 10)
    for expected in losses {
      let loss = fixture.loss(model, into: gradients)
      #expect(abs(loss.mean - Double(expected)) < ParityTests.trainedTolerance * Double(expected))
      optimizer.step(gradients: gradients, learningRate: 1e-3, gradientScale: 1)
    }
    let trained = model.logits(fixture.batch, on: Tape()).value
    #expect(
      trained.relativeError(to: try golden.tensor("trainedLogits")) < ParityTests.trainedTolerance)
    #expect(adapters.allSatisfy { $0.core.value.sumOfSquares > 0 })
    model.mergeAdapters()
    #expect(model.logits(fixture.batch, on: Tape()).value.relativeError(to: trained) < 1e-5)

    let catalogue = MethodCatalogue.standard
    let variant = try #require(catalogue.method(named: "lora-sb") as? CoreAdaptation)
    #expect(variant.label == "lora-sb r8" && variant.frames == .step)
    let again = catalogue.method(json: catalogue.json(of: method)) as? CoreAdaptation
    #expect(again?.firstRate == 5e-3)
    // Files of earlier versions do not have the rate.
    #expect(CoreAdaptation().settings["first-rate"] == nil)
  }

  @Test("sizes within a budget, labels and refusals")
  func settings() throws {
    let layers = model.backboneLinearLayers.count
    let head = model.taskParameters.reduce(0) { $0 + $1.count }
    let usual = CoreAdaptation()
    let smallest = model.backboneLinearLayers.map { layer in
      min(layer.weight.shape.rows, layer.weight.shape.columns)
    }.min()
    for (budget, rank) in [
      (head + 9 * layers, 3), (head + 16 * layers - 1, 3), (0, 1), (1 << 40, smallest),
    ] {
      let sized = usual.sized(within: budget, for: model)
      #expect(sized.rank == rank)
      #expect(sized.misfit(in: model) == nil)
      sized.attach(to: model, using: generator)
      #expect(sized.plannedCount(in: model) == head + layers * sized.rank * sized.rank)
    }
    #expect(usual.label == "lora-xs r8")
    #expect(CoreAdaptation(rank: 2, frames: .weight).label == "lora-xs weight r2")
    #expect(CoreAdaptation(rank: 1024).misfit(in: model)?.setting == "rank")
    var changed = CoreAdaptation()
    for (name, value) in [("frames", "svd"), ("rank", "0"), ("rank", "1025"), ("batches", "0")] {
      #expect(throws: MethodSettingError.self) { try changed.set(name, text: value) }
    }
  }
}
