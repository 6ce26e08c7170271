import PEFTData
import PEFTModels
import PEFTNetwork
import PEFTRuns
import PEFTSelect
import PEFTStudy
import PEFTTensor
import PEFTTrain
import Testing

/// The examples of the article on using the libraries.
@Suite("Examples of using the libraries")
struct LibraryExamples {
  private let files: ExampleFiles

  init() throws { files = try ExampleFiles() }

  @Test("choose and train")
  func choosing() throws {
    let (modelDirectory, trainPath, devPath, output) = (
      files.modelDirectory, files.trainPath, files.devPath, files.directory + "/chosen"
    )
    var base = TrainingJob(
      modelDirectory: modelDirectory, trainPath: trainPath, method: FullTuning())
    base.devPath = devPath
    base.settings.length = .steps(20)
    base.settings.batches = BatchPlan(size: .examples(8))

    var job = AdaptJob(base, budget: .share(0.05))
    job.baselines = []
    if case .finished(let outcome) = try job.run(in: output, observe: { _ in }) {
      print(outcome.plan.groups.map(\.group.name), outcome.comparison.answer)
    }

    let trained = try TrainedModel.open(output)
    for prediction in try trained.predict(["4 good", "5 bad"]) {
      print(prediction["label"]?.string ?? "", prediction["probabilities"]?.text() ?? "")
    }
    let predictions = try trained.predict(["4 good", "5 bad"])
    #expect(predictions.count == 2)
    for prediction in predictions {
      let probabilities = try #require(prediction["probabilities"]?.object)
      let (yes, no) = (
        try #require(probabilities["yes"]?.double), try #require(probabilities["no"]?.double)
      )
      #expect(abs(yes + no - 1) < 1e-6 && prediction["label"]?.string == (yes > no ? "yes" : "no"))
    }
    #expect(try trained.predict([]).isEmpty)
  }

  @Test("own grouping")
  func grouping() throws {
    let (modelDirectory, trainPath, devPath, output) = (
      files.modelDirectory, files.trainPath, files.devPath, files.directory + "/grouped"
    )
    var job = TrainingJob(
      modelDirectory: modelDirectory, trainPath: trainPath, method: FullTuning())
    job.devPath = devPath
    job.settings.length = .steps(20)
    job.settings.batches = BatchPlan(size: .examples(8))
    let prepared = try job.prepare()

    var settings = InfluenceSettings()
    settings.rule = .patterns([
      .init(name: "embeddings", patterns: ["bert.embeddings.*"]),
      .init(name: "lower layer", patterns: ["bert.encoder.layer.0.*"]),
      .init(name: "upper attention", patterns: ["bert.encoder.layer.1.attention.*"]),
      .init(
        name: "upper feed-forward",
        patterns: ["bert.encoder.layer.1.intermediate.*", "bert.encoder.layer.1.output.*"]),
      .init(name: "pooler", patterns: ["bert.pooler.*"]),
    ])
    settings.headSteps = 20
    settings.probe.path = .held(directionBatches: 4)
    settings.probe.probeCount = 4
    guard let influence = try prepared.measureInfluence(settings) else { return }
    for (group, found) in zip(influence.groups, influence.influences) {
      print(group.name, group.parameterCount, found.value, found.verdict)
    }

    let plan = try Planner(influence).plan(budget: prepared.counts.parameters / 2)
    job.carryOut(plan)
    job.findsRate = true
    let manifest = try job.prepare().run(
      to: output, start: .resuming, shouldStop: { false }, observe: { _ in })
    print(plan.groups.map(\.group.name), manifest.outcome.bestMetrics)
    #expect(influence.groups.count == 6 && plan.groups.contains { $0.group.name == "head" })
    #expect(plan.groups.count > 1 && manifest.counts.trainable == plan.weight)
  }

  @Test("an adapter of one's own")
  func adapter() throws {
    let (modelDirectory, trainPath, devPath) = (
      files.modelDirectory, files.trainPath, files.devPath
    )
    var job = TrainingJob(
      modelDirectory: modelDirectory, trainPath: trainPath, method: ScaleAndShift())
    job.devPath = devPath
    job.settings.length = .steps(20)
    job.settings.batches = BatchPlan(size: .examples(8))
    job.settings.learningRate = 0.01

    let prepared = try job.prepare()
    print(prepared.counts.trainable, "parameters train")
    let outcome = try train(
      prepared.model, on: prepared.train, evaluatingOn: prepared.dev, task: prepared.task,
      settings: job.settings
    ) { _ in }
    prepared.model.mergeAdapters()
    print(outcome.bestMetrics)

    let layers = prepared.model.backboneLinearLayers
    let head = prepared.model.taskParameters.reduce(0) { $0 + $1.count }
    let trainable = try job.prepare().counts.trainable
    #expect(trainable == head + layers.reduce(0) { $0 + 2 * $1.weight.shape[0] })
    #expect(layers.allSatisfy { $0.adapter == nil })
    let dev = try #require(prepared.dev)
    let merged = try #require(prepared.model.evaluate(dev, task: prepared.task)["loss"])
    let attached = try #require(outcome.bestMetrics.first { $0.name == "loss" }?.value)
    #expect(abs(merged / attached - 1) < 1e-4)
  }
}

/// A scale and a shift of every output (SSF, Lian et al. 2022): y = l ∘ (x Wᵀ + b) + s.
final class ScaleAndShiftAdapter: LinearAdapter {
  let scale: AdapterParameter  // l [out]
  let shift: AdapterParameter  // s [out]
  var factors: [AdapterParameter] { [scale, shift] }
  let hasPublishedForm = false

  init(for layer: LinearLayer) {
    let outputs = layer.weight.shape[0]
    scale = AdapterParameter(layer.name, "scale", Tensor(repeating: 1, shape: [outputs]))
    shift = AdapterParameter(layer.name, "shift", Tensor(zeros: [outputs]))
  }

  func output(
    _ x: Variable, of layer: LinearLayer, activation: Activation?, on tape: Tape
  ) -> Variable {
    let y = tape.linear(x, weight: layer.weight, bias: layer.bias)
    let moved = tape.scaledColumns(y, by: scale.parameter, adding: shift.parameter)
    return activation.map { tape.activation(moved, $0) } ?? moved
  }

  /// W ← diag(l) W and b ← l ∘ b + s; the layer must have a bias.
  func merge(into layer: LinearLayer) {
    guard let bias = layer.bias else { preconditionFailure("\(layer.name) has no bias") }
    let (l, s) = (scale.parameter.value.elements, shift.parameter.value.elements)
    let (shape, columns) = (layer.weight.shape, layer.weight.shape[1])
    layer.weight.value = Tensor(
      layer.weight.value.elements.enumerated().map { $1 * l[$0 / columns] }, shape: shape)
    bias.value = Tensor(
      bias.value.elements.indices.map { l[$0] * bias.value[$0] + s[$0] }, shape: bias.shape)
  }

  static func configuration(
    of adapted: [(layer: LinearLayer, adapter: ScaleAndShiftAdapter)]
  ) -> JSONObject { [:] }
}

/// Scales and shifts the outputs of every linear map that has a bias.
struct ScaleAndShift: AdaptationMethod {
  static let name = "scale-shift"
  static let summary = "a scale and a shift of the outputs of every linear map"

  func attach(to model: TransformerModel, using generator: SeededGenerator) {
    for layer in model.backboneLinearLayers where layer.bias != nil {
      layer.adapter = ScaleAndShiftAdapter(for: layer)
    }
    for entry in model.parameters {
      entry.parameter.trains = entry.kind == .head || entry.adapter != nil ? .all : .none
    }
  }
}
