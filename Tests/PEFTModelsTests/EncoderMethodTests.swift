import PEFTModels
import PEFTNetwork
import PEFTTensor
import Testing

/// Every adaptation method on every family of encoders.
@Suite("Adaptation methods on all encoders")
struct EncoderMethodTests {
  static let families = [
    "bert", "roberta", "xlm-roberta", "camembert", "mpnet", "distilbert", "electra", "modernbert",
    "albert",
  ]

  @Test("a method attaches, changes the logits in a step, and merges", arguments: families)
  func trains(family: String) throws {
    let fixture = try ParityFixture(family)
    let before = try fixture.tensor("logits")
    for type in MethodCatalogue.standard.offered {
      // At the default share, no module would fit in models as small as these.
      let method: any AdaptationMethod =
        type == ModuleSearchAdaptation.self
        ? ModuleSearchAdaptation(share: 0.2, dimensions: [1, 2], rounds: 2) : type.init()
      let model = try fixture.model()
      #expect(method.misfit(in: model) == nil, "\(type.name)")
      let generator = SeededGenerator(seed: 1, purpose: "factors")
      method.attach(to: model, using: generator)
      let isFound = try method.search(
        in: model, using: generator,
        measuring: { _ in
          let gradients = GradientAccumulator()
          _ = fixture.loss(model, into: gradients)
          return gradients
        }, note: { _ in })
      #expect(isFound, "\(type.name)")
      let gradients = GradientAccumulator()
      if method.gradientBatches > 0 { _ = fixture.loss(model, into: gradients) }
      method.choose(in: model, by: gradients, using: generator)
      let trained = model.trainableParameters
      // The head trains in every method, and more than the head in all but one.
      let others = trained.filter { !model.taskParameters.contains($0) }
      let trainsNothing =
        type.name == "head"
        || (type.name == "bitfit" && !model.parameters.contains { $0.kind == .bias })
      #expect(others.isEmpty == trainsNothing || type.name == "id3", "\(type.name)")
      _ = fixture.loss(model, into: gradients)
      var optimizer = AdamW(parameters: trained)
      optimizer.step(gradients: gradients, learningRate: 1e-3, gradientScale: 1)
      let after = model.logits(fixture.batch, on: Tape()).value
      #expect(after.relativeError(to: before) > 1e-4, "\(type.name)")
      model.mergeAdapters()
      let merged = model.logits(fixture.batch, on: Tape()).value
      #expect(merged.relativeError(to: after) < 1e-5, "\(type.name)")
    }
  }
}
