import Foundation
import PEFTData
import PEFTModels
import PEFTRuns
import PEFTTensor
import PEFTTrain
import Testing

@Suite("Methods that choose rows and elements, in runs")
struct ChangingElementsTests {
  static let methods: [any AdaptationMethod] = [
    IncrementalUnmasking(share: 0.002, age: .own),
    IncrementalUnmasking(share: 0.002, exponent: 0, strategy: .static),
    IncrementalUnmasking(share: 0.002, strategy: .repeat),
    IncrementalUnmasking(share: 0.002, strategy: .repeat, age: .own),
    SparseTuning(entries: 5, batches: 2, interval: 2),
    SparseTuning(entries: 5, rule: .random, scope: .global, interval: 3),
    SparseTuning(entries: 5, rule: .fisher, scope: .global, batches: 1, interval: 4),
    SparseTuning(entries: 5, rule: .synflow, interval: 3),
    SparseTuning(entries: 5, rule: .grasp, scope: .global, batches: 1, interval: 3),
    RowColumnTuning(.rows, count: 2, rule: .random),
    RowColumnTuning(.columns, count: 2, rule: .gradient, batches: 2),
    AdaptiveRankAdaptation(rank: 2), SensitivityTuning(share: 0.05, rank: 1, batches: 2),
    HalfLowRankAdaptation(LowRankAdaptation(rank: 2)),
    HalfLowRankAdaptation(LowRankAdaptation(rank: 2), resampling: .step),
    ModuleSearchAdaptation(share: 0.05, dimensions: [1, 2], rounds: 6),
  ]

  private static let steps = 8

  private func prepared(_ method: any AdaptationMethod) throws -> PreparedJob {
    try TrainingJobTests().prepared(method) { job in
      job.settings.length = .steps(Self.steps)
      job.settings.batches = BatchPlan(size: .examples(8))
      job.settings.evaluationInterval = 2
      job.settings.learningRate = 2e-2
    }
  }

  private func train(
    _ job: PreparedJob, from state: TrainingState? = nil,
    save: @escaping (TrainingState) -> Void = { _ in }
  ) throws -> TrainingOutcome {
    try PEFTTrain.train(
      job.model, on: job.train, evaluatingOn: job.dev, task: job.task, settings: job.job.settings,
      session: job.session, from: state, checkpoints: 1, save: save
    ) { _ in }
  }

  /// The state after it was written and read for another model.
  private func reread(_ state: TrainingState, for job: PreparedJob) throws -> TrainingState {
    let path = FileManager.default.temporaryDirectory
      .appending(path: "peft-changing-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    let output = try OutputDirectory(path, as: .run)
    var store = CheckpointStore<TrainingState>(directory: path, recipe: [:])
    try store.save(state, into: output)
    return try store.load(for: (job.model, plannedSteps: Self.steps)).state
  }

  private func expectSame(_ one: PreparedJob, _ other: PreparedJob, _ comment: Comment) {
    for (mine, theirs) in zip(one.model.parameters, other.model.parameters) {
      #expect(
        mine.parameter.value.isIdentical(to: theirs.parameter.value),
        "\(comment): \(mine.parameter.name)")
      #expect(mine.parameter.history == theirs.parameter.history, "\(comment)")
    }
  }

  @Test("a run resumed from any step ends with the same bits", arguments: methods.indices)
  func resumed(index: Int) throws {
    let whole = try prepared(Self.methods[index])
    _ = try whole.choose()
    var states: [TrainingState] = []
    let outcome = try train(whole) { states.append($0) }
    #expect(states.count >= Self.steps - 1)
    for state in states {
      let job = try prepared(Self.methods[index])
      let again = try train(job, from: reread(state, for: job))
      #expect(again.bestStep == outcome.bestStep)
      expectSame(job, whole, "after step \(state.step)")
    }
  }

  @Test(
    "the best step's values and elements are returned to, and only what trained has changed",
    arguments: methods.indices)
  func best(index: Int) throws {
    let (job, base) = (try prepared(Self.methods[index]), try prepared(Self.methods[index]))
    _ = try job.choose()
    var states: [TrainingState] = []
    let outcome = try train(job) { states.append($0) }
    guard let best = states.last(where: { $0.step == outcome.bestStep }) else {
      return #expect(outcome.bestStep == Self.steps)
    }
    base.model.settleRanks { best.values[$0]?.shape.extents }
    for entry in base.model.parameters {
      let name = entry.parameter.name
      entry.parameter.restore(best.elements[name], best.values[name])
    }
    for (mine, theirs) in zip(job.model.parameters, base.model.parameters) {
      #expect(mine.parameter.value.isIdentical(to: theirs.parameter.value))
      #expect(mine.parameter.recorded == theirs.parameter.recorded)
    }
  }

  @Test("a run's files give its model back, bit for bit", arguments: methods.indices)
  func files(index: Int) throws {
    let job = try prepared(Self.methods[index])
    _ = try job.choose()
    _ = try train(job)
    let path = FileManager.default.temporaryDirectory
      .appending(path: "peft-changing-\(UUID().uuidString).safetensors").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    let other = try prepared(Self.methods[index])
    try TrainedTensors.save(job.model, to: path)
    try TrainedTensors.load(path, into: other.model)
    #expect(other.model.trainableCount == job.model.recordedCount)
    for (mine, theirs) in zip(other.model.parameters, job.model.parameters) {
      #expect(mine.parameter.value.isIdentical(to: theirs.parameter.value))
    }
  }

  @Test("the best evaluation is one of a model that has met its budget")
  func settled() throws {
    var method = AdaptiveRankAdaptation(rank: 2)
    (method.final, method.warmup) = (0.25, 0)
    let job = try prepared(method)
    var states: [TrainingState] = []
    let outcome = try train(job) { states.append($0) }
    #expect(states.first?.best != nil || states.count > 1)
    #expect(outcome.bestStep >= 6)
    let left = job.model.backboneLinearLayers.compactMap { $0.adapter as? TripletAdapter }.map {
      ($0.tripletSize, $0.values.value.elements.count { $0 != 0 })
    }
    #expect(left.reduce(0) { $0 + $1.0 * $1.1 } <= left.reduce(0) { $0 + 2 * $1.0 })
  }

  @Test("what trains is what was planned, and more has trained where masks change")
  func counts() throws {
    for method in Self.methods {
      let job = try prepared(method)
      let planned = job.counts.trainable
      _ = try job.choose()
      _ = try train(job)
      let (now, ever) = (job.model.trainableCount, job.model.recordedCount)
      #expect(now <= planned, "\(method.label)")
      if method.label.contains("repeat") { #expect(ever > now, "\(method.label)") }
      if job.session == nil { #expect(ever == now, "\(method.label)") }
      // SPT takes the largest threshold within its budget, and BIPEFT the modules that fit.
      if job.session == nil, !["spt", "bipeft"].contains(method.name) {
        #expect(ever == planned, "\(method.label)")
      }
    }
  }
}
