import Foundation
import PEFTData
import PEFTModels
import PEFTNetwork
import PEFTRuns
import PEFTTensor
import PEFTTrain
import TestSupport
import Testing

@Suite("Selections that are made again during a run")
struct ReselectionTests {
  private static let layer = "bert.encoder.layer.0."
  private static let norm = layer + "output.LayerNorm.weight"
  private static let bias = layer + "intermediate.dense.bias"
  private static let query = layer + "attention.self.query.weight"
  private static let key = layer + "attention.self.key.weight"
  private static let value = layer + "attention.self.value.weight"
  private static let steps = 10

  /// Trains one of two sets, by turns.
  private struct Alternation: Reselector {
    static let sets: [[ParameterGroup.Member]] = [
      [
        .tensor(norm), .elements(weight: query, count: 3, positions: [1, 5, 900]), .row(key, 2),
      ],
      [
        .tensor(bias), .elements(weight: query, count: 2, positions: [5, 77]), .row(key, 2),
        .tensor(value),
      ],
    ]

    var json: JSONValue { .string("turns") }

    func selection(in prepared: PreparedJob, after step: Int) throws -> RenewedSelection {
      let isFirst = prepared.model.parameters.contains {
        $0.parameter.name == norm && $0.parameter.isTrainable
      }
      return RenewedSelection(
        members: Self.sets[isFirst ? 1 : 0], added: ["\(step)"], dropped: [], kept: [])
    }
  }

  private func prepared(
    every interval: ReselectionInterval = .steps(2), adapting: Bool = false, evaluating: Bool = true
  ) throws -> PreparedJob {
    let delta = ParameterGroup.Member.lowRank(
      weight: Self.layer + "output.dense.weight", rank: 2)
    var method = SelectedTuning(members: Alternation.sets[0] + (adapting ? [delta] : []))
    method.reselection = interval
    return try TrainingJobTests().prepared(method) { job in
      job.settings.length = .steps(Self.steps)
      job.settings.batches = BatchPlan(size: .examples(8))
      job.settings.evaluationInterval = 3
      job.settings.learningRate = 2e-2
      job.reselector = Alternation()
      if !evaluating { job.devPath = nil }
    }
  }

  private func train(
    _ job: PreparedJob, from state: TrainingState? = nil,
    save: @escaping (TrainingState) -> Void = { _ in },
    observe: (TrainingEvent) -> Void = { _ in }
  ) throws {
    _ = try PEFTTrain.train(
      job.model, on: job.train, evaluatingOn: job.dev, task: job.task, settings: job.job.settings,
      session: job.session, from: state, checkpoints: 1, save: save, observe: observe)
  }

  /// The state after it was written and read for another model.
  private func reread(_ state: TrainingState, for job: PreparedJob) throws -> TrainingState {
    let path = FileManager.default.temporaryDirectory
      .appending(path: "peft-reselection-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    let output = try OutputDirectory(path, as: .run)
    var store = CheckpointStore<TrainingState>(directory: path, recipe: [:])
    try store.save(state, into: output)
    return try store.load(for: (job.model, plannedSteps: Self.steps)).state
  }

  @Test("the interval ends at half of the run, and reads what it writes")
  func interval() throws {
    #expect(ReselectionInterval("25%")?.steps(ofRun: 320) == [80, 160])
    #expect(ReselectionInterval("100")?.steps(ofRun: 320) == [100])
    #expect(ReselectionInterval("200")?.steps(ofRun: 320) == [])
    #expect(ReselectionInterval("0.1%")?.steps(ofRun: 4) == [1, 2])
    for text in ["", "0", "-1", "1.5", "51%", "0%", "%", "x", "nan%"] {
      #expect(ReselectionInterval(text) == nil, "\(text)")
    }
    for text in ["7", "25%", "12.5%"] {
      #expect(ReselectionInterval(text).map { "\($0)" } == text)
    }
    var method = SelectedTuning(members: Alternation.sets[0])
    #expect(MethodCatalogue.standard.json(of: method)["reselect"] == nil)
    method.reselection = .percent(25)
    let json = MethodCatalogue.standard.json(of: method)
    let read = MethodCatalogue.standard.method(json: json) as? SelectedTuning
    #expect(read?.reselection == .percent(25) && read?.members == method.members)
  }

  @Test("a run resumed from any step ends with the same bits", arguments: [false, true])
  func resumed(adapting: Bool) throws {
    let whole = try prepared(adapting: adapting)
    var (states, told) = ([TrainingState](), [Int]())
    try train(whole) {
      states.append($0)
    } observe: { event in
      if case .reselection(let step, let reselection) = event {
        told.append(step)
        #expect(reselection.added == ["\(step)"] && reselection.trainable > 0)
      }
    }
    #expect(told == [2, 4])
    #expect(states.count >= Self.steps - 1)
    for state in states {
      let job = try prepared(adapting: adapting)
      try train(job, from: reread(state, for: job))
      for (mine, theirs) in zip(job.model.parameters, whole.model.parameters) {
        #expect(
          mine.parameter.value.isIdentical(to: theirs.parameter.value),
          "after step \(state.step): \(mine.parameter.name)")
        #expect(mine.parameter.recorded == theirs.parameter.recorded)
      }
    }
  }

  @Test("what leaves keeps its values, and what enters begins with no moments and no age")
  func exchange() throws {
    let job = try prepared(every: .steps(4), evaluating: false)
    var states: [TrainingState] = []
    try train(job) { states.append($0) }
    let (before, after) = (states.filter { $0.step == 4 }, states.filter { $0.step == 5 })
    let (old, new) = (try #require(before.last), try #require(after.last))
    #expect(new.elements[Self.norm]?.trains == TrainableElements.none)
    #expect(new.elements[Self.norm]?.retired.count == 128)
    let learned = try #require(old.values[Self.norm])
    #expect(try #require(new.values[Self.norm]).isIdentical(to: learned))
    #expect(learned.elements.contains { $0 != 1 })
    let last = try #require(job.model.parameters.first { $0.parameter.name == Self.norm })
    #expect(last.parameter.value.isIdentical(to: learned))
    // Of the elements of the query, 5 stays and 77 is new.
    #expect(new.elements[Self.query]?.trains == .elements([5, 77]))
    #expect(new.elements[Self.query]?.retired == [1, 900])
    #expect(new.optimizer.slots["age"]?[Self.query]?.elements == [5, 1])
    #expect(new.optimizer.slots["age"]?[Self.bias]?.elements.allSatisfy { $0 == 1 } == true)
    #expect(new.optimizer.slots["age"]?[Self.key]?.elements.allSatisfy { $0 == 5 } == true)
    #expect(new.optimizer.slots["mean"]?[Self.norm] == nil)
  }

  @Test("a run's files give its model back, and count everything that has trained")
  func files() throws {
    let job = try prepared(adapting: true)
    try train(job)
    let path = FileManager.default.temporaryDirectory
      .appending(path: "peft-reselection-\(UUID().uuidString).safetensors").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    let other = try prepared(adapting: true)
    try TrainedTensors.save(job.model, to: path)
    try TrainedTensors.load(path, into: other.model)
    #expect(other.model.trainableCount == job.model.recordedCount)
    #expect(job.model.recordedCount > job.model.trainableCount)
    for (mine, theirs) in zip(other.model.parameters, job.model.parameters) {
      #expect(mine.parameter.value.isIdentical(to: theirs.parameter.value))
    }
  }

  @Test("a job without a reselector is refused, and one that never is due chooses once")
  func refused() throws {
    #expect(throws: InvalidSetting.self) {
      var method = SelectedTuning(members: Alternation.sets[0])
      method.reselection = .steps(2)
      _ = try TrainingJobTests().prepared(method)
    }
    let job = try prepared(every: .steps(Self.steps))
    #expect(job.session == nil)
    try train(job)
    #expect(job.model.recordedCount == job.model.trainableCount)
  }
}
