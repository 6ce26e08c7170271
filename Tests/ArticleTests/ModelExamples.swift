import PEFTModels
import PEFTNetwork
import PEFTSelect
import PEFTTensor
import Testing

/// The examples of PEFTModels' articles.
@Suite("Examples of PEFTModels")
struct ModelExamples {
  private let files: ExampleFiles

  init() throws { files = try ExampleFiles() }

  @Test("model directory")
  func modelDirectory() throws {
    let directory = files.modelDirectory
    let configuration = try ModelConfiguration(directory: directory)
    let tokenizer = try configuration.tokenizer(directory: directory)
    let (model, report) = try TransformerModel.load(
      directory: directory, output: .classes(2, pooling: configuration.usualPooling),
      using: SeededGenerator(seed: 1, purpose: "weights"))
    print("new:", report.newlyInitialized, "not used:", report.unused)

    let texts = tokenizer.encode([("a plain film", nil), ("a fine film", nil)])
    let batch = PackedBatch(texts)
    let logits = model.logits(batch, on: Tape()).value  // [2, 2]
    #expect(logits.shape == [2, 2] && logits.isFinite)
    #expect(batch.tokenCount == 10 && report.newlyInitialized.contains("classifier.weight"))

    for entry in model.parameters where entry.layer == 0 {
      print(entry.parameter.name, entry.parameter.shape, entry.kind)
    }
    #expect(model.parameters.filter { $0.layer == 0 }.count == 16)

    let objective = ModelObjective(model)
    let grouping = try ParameterGrouping(objective.parameters, by: .kindByLayer)
    #expect(grouping.groups.contains { $0.name == "layer.1.feedForward" })
  }

  @Test("adaptation")
  func adaptation() throws {
    let (model, _) = try TransformerModel.load(
      directory: files.modelDirectory, output: .classes(2, pooling: .mean),
      using: SeededGenerator(seed: 1, purpose: "weights"))
    let batch = PackedBatch(sequences: [[5, 6, 7], [8, 9]])
    let method = LowRankAdaptation(rank: 8, targets: ["query", "value"])
    method.attach(to: model, using: SeededGenerator(seed: 1, purpose: "weights"))
    print(model.trainableCount, "of", model.parameterCount, "parameters train")

    let gradients = GradientAccumulator()
    var optimizer = AdamW(parameters: model.trainableParameters)
    for _ in 0..<2 {
      gradients.reset()
      let tape = Tape()
      let loss = model.loss(batch, .classes([0, 1]), on: tape)
      tape.pullBack(Tensor(repeating: 1, shape: [1]), from: loss.variable, to: gradients)
      optimizer.step(gradients: gradients, learningRate: 1e-3, gradientScale: 1)
    }
    let adapted = model.logits(batch, on: Tape()).value
    model.mergeAdapters()  // W ← W + s B A
    let error = model.logits(batch, on: Tape()).value.relativeError(to: adapted)
    #expect(error < 1e-5)
    #expect(model.backboneLinearLayers.allSatisfy { $0.adapter == nil })

    var variant = LowRankAdaptation(rank: 8)
    variant.start = .principal
    variant.upRate = 4
    variant.attach(to: model, using: SeededGenerator(seed: 1, purpose: "weights"))
    variant.choose(
      in: model, by: GradientAccumulator(), using: SeededGenerator(seed: 1, purpose: "weights"))
    let changed = model.logits(batch, on: Tape()).value
    #expect(changed.relativeError(to: adapted) < 1e-5)
    model.detachAdapters()

    var adaptive = AdaptiveRankAdaptation(rank: 4)
    adaptive.final = 0.3
    adaptive.attach(to: model, using: SeededGenerator(seed: 1, purpose: "weights"))
    print(adaptive.startRank, "triplets at every layer, and 4 on average in the end")
    #expect(adaptive.startRank == 6)
    model.detachAdapters()

    let search = ModuleSearchAdaptation(share: 0.05, dimensions: [1, 2], rounds: 4)
    let weights = SeededGenerator(seed: 1, purpose: "weights")
    search.attach(to: model, using: weights)
    _ = try search.search(
      in: model, using: weights,
      measuring: { _ in
        let sums = GradientAccumulator()
        let tape = Tape()
        let loss = model.loss(batch, .classes([0, 1]), on: tape)
        tape.pullBack(Tensor(repeating: 1, shape: [1]), from: loss.variable, to: sums)
        return sums
      }, note: { print($0) })
    #expect(model.trainableCount <= search.plannedCount(in: model))
    model.detachAdapters()

    let sparse = SparseTuning(entries: 16, batches: 1)
    sparse.attach(to: model, using: SeededGenerator(seed: 1, purpose: "weights"))
    let sums = GradientAccumulator()
    let tape = Tape()
    let loss = model.loss(batch, .classes([0, 1]), on: tape)
    tape.pullBack(Tensor(repeating: 1, shape: [1]), from: loss.variable, to: sums)
    sparse.choose(in: model, by: sums, using: SeededGenerator(seed: 1, purpose: "weights"))
    #expect(
      model.backboneLinearLayers.allSatisfy { $0.weight.trains.chosenElements?.count == 16 })

    var random = SparseTuning(entries: 1, rule: .random, scope: .global)
    random.share = 0.01
    random.attach(to: model, using: SeededGenerator(seed: 1, purpose: "weights"))
    random.choose(
      in: model, by: GradientAccumulator(), using: SeededGenerator(seed: 1, purpose: "weights"))
    let chosen = model.backboneLinearLayers.compactMap(\.weight.trains.chosenElements)
    print(chosen.joined().count, "elements train")
    let linear = model.backboneLinearLayers.reduce(0) { $0 + $1.weight.count }
    #expect(abs(Double(chosen.joined().count) / (0.01 * Double(linear)) - 1) < 0.01)

    let selected = SelectedTuning(members: [
      .tensor("bert.encoder.layer.0.output.LayerNorm.weight"),
      .row("bert.encoder.layer.1.intermediate.dense.weight", 17),
      .lowRank(weight: "bert.encoder.layer.1.attention.self.query.weight", rank: 4),
    ])
    #expect(selected.misfit(in: model) == nil)
    let far = SelectedTuning(members: [
      .elements(
        weight: "bert.encoder.layer.0.attention.self.query.weight", count: 1, positions: [.max])
    ])
    #expect(far.misfit(in: model) != nil)

    guard selected.misfit(in: model) == nil else { return }
    selected.attach(to: model, using: SeededGenerator(seed: 1, purpose: "weights"))
    let head = model.taskParameters.reduce(0) { $0 + $1.count }
    #expect(model.trainableCount == head + 128 + 128 + 4 * 256)

    TopLayerTuning().attach(to: model, using: SeededGenerator(seed: 1, purpose: "weights"))
    #expect(model.trainableParameters.allSatisfy { !$0.name.contains("layer.0") })
    #expect(model.trainableCount > head)
  }
}

/// The highest layer trains.
struct TopLayerTuning: AdaptationMethod {
  static let name = "top-layer"
  static let summary = "the highest layer"

  func attach(to model: TransformerModel, using generator: SeededGenerator) {
    let top = model.configuration.layerCount - 1
    for entry in model.parameters {
      entry.parameter.trains = entry.kind == .head || entry.layer == top ? .all : .none
    }
  }
}
