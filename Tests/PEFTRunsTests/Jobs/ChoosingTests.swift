import Foundation
import PEFTData
import PEFTModels
import PEFTRuns
import PEFTTensor
import PEFTTrain
import Testing

@Suite("Choosing what trains")
struct ChoosingTests {
  private func prepared(
    _ method: any AdaptationMethod, seed: UInt64 = 1
  ) throws -> PreparedJob {
    try TrainingJobTests().prepared(method) {
      $0.settings.seed = seed
      $0.settings.length = .steps(3)
      $0.settings.batches = BatchPlan(size: .examples(8))
    }
  }

  private func elements(_ job: PreparedJob) -> [[Int]] {
    job.model.backboneLinearLayers.map { $0.weight.trains.chosenElements ?? [] }
  }

  @Test("the choice is a function of the seed, and changes no value of the model")
  func choice() throws {
    let job = try prepared(SparseTuning(entries: 9, batches: 4))
    let before = job.model.parameters.map { ($0.parameter, $0.parameter.value) }
    let placeholders = elements(job)
    let effort = try #require(try job.choose())
    #expect(effort.choosingSeconds > 0 && effort.seconds == effort.choosingSeconds)
    for (parameter, value) in before { #expect(parameter.value.isIdentical(to: value)) }
    let chosen = elements(job)
    #expect(chosen != placeholders && chosen.allSatisfy { $0.count == 9 })
    #expect(job.model.parameters.allSatisfy { !$0.parameter.wantsWholeGradient })
    #expect(job.model.taskParameters.allSatisfy { $0.trains == .all })

    let again = try prepared(SparseTuning(entries: 9, batches: 4))
    _ = try again.choose()
    #expect(elements(again) == chosen)
    let other = try prepared(SparseTuning(entries: 9, batches: 4), seed: 2)
    _ = try other.choose()
    #expect(elements(other) != chosen)
    // The gradients of the first batch alone are others.
    let fewer = try prepared(SparseTuning(entries: 9, batches: 1))
    _ = try fewer.choose()
    #expect(elements(fewer) != chosen)
  }

  @Test("GRaSP measures in fp32, restores every value, and its memory is in the forecast")
  func change() throws {
    let method = SparseTuning(entries: 9, rule: .grasp, batches: 2)
    let job = try prepared(method)
    let weights = job.model.backboneLinearLayers.reduce(0) { $0 + $1.weight.count }
    #expect(job.forecast(timing: false).memory[.gradients] >= 16 * weights)
    let before = job.model.parameters.map { ($0.parameter, $0.parameter.value) }
    _ = try job.choose()
    for (parameter, value) in before { #expect(parameter.value.isIdentical(to: value)) }
    let chosen = elements(job)
    #expect(chosen.allSatisfy { $0.count == 9 })
    let again = try TrainingJobTests().prepared(method) {
      $0.settings.seed = 1
      $0.settings.length = .steps(3)
      $0.settings.batches = BatchPlan(size: .examples(8))
      $0.settings.precision = .bf16
    }
    _ = try again.choose()
    // The head has been trained in bf16, so that gradients differ a little.
    let same = zip(elements(again), chosen).map { Set($0).intersection($1).count }.reduce(0, +)
    #expect(Double(same) > 0.9 * 9 * Double(chosen.count), "\(same)")
    let snip = try prepared(SparseTuning(entries: 9, rule: .snip, batches: 2))
    _ = try snip.choose()
    #expect(elements(snip) != chosen)
  }

  @Test("a search is a function of the seed, changes no value, and can be stopped")
  func search() throws {
    let method = ModuleSearchAdaptation(share: 0.05, dimensions: [1, 2], rounds: 6)
    func found(_ job: PreparedJob) -> [String: Int] {
      Dictionary(
        uniqueKeysWithValues: job.model.trainableParameters.map { ($0.name, $0.trainableCount) })
    }
    let job = try prepared(method)
    let before = job.model.parameters.filter { $0.adapter == nil }.map {
      ($0.parameter, $0.parameter.value)
    }
    var notes: [String] = []
    let effort = try #require(try job.choose(note: { notes.append($0) }))
    #expect(effort.choosingSeconds > 0 && effort.seconds == effort.choosingSeconds)
    #expect(notes.allSatisfy { $0.hasPrefix("bipeft: ") } && notes.count > 3)
    for (parameter, value) in before { #expect(parameter.value.isIdentical(to: value)) }
    #expect(job.model.trainableCount <= job.counts.trainable)
    let again = try prepared(method)
    _ = try again.choose()
    #expect(found(again) == found(job))
    let other = try prepared(method, seed: 2)
    _ = try other.choose()
    #expect(found(other) != found(job))

    let stopped = try prepared(method)
    var calls = 0
    #expect(throws: StoppedSearch.self) {
      _ = try stopped.choose(shouldStop: {
        calls += 1
        return calls > 5
      })
    }
    for (mine, theirs) in zip(stopped.model.taskParameters, again.model.taskParameters) {
      #expect(mine.value.isIdentical(to: theirs.value))
    }
  }

  @Test("a run that is stopped while it finds its rate keeps what its search has chosen")
  func searchBeforeRate() throws {
    let method = ModuleSearchAdaptation(share: 0.05, dimensions: [1, 2], rounds: 6)
    let directory = FileManager.default.temporaryDirectory
      .appending(path: "peft-choosing-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: directory) }
    /// Runs until as many steps were taken to find the rate.
    func run(
      to name: String, limit: Int = .max
    ) throws -> (job: PreparedJob, manifest: RunManifest, notes: [String]) {
      let job = try TrainingJobTests().prepared(method) {
        $0.settings.length = .steps(80)
        $0.settings.batches = BatchPlan(size: .examples(8))
        $0.findsRate = true
      }
      var (steps, notes) = (0, [String]())
      let manifest = try job.run(
        to: directory + "/" + name, start: .resuming, shouldStop: { steps >= limit },
        note: { notes.append($0) },
        searching: { if case .step = $0 { steps += 1 } }, observe: { _ in })
      return (job, manifest, notes.filter { $0.hasPrefix("bipeft: ") })
    }
    let whole = try run(to: "whole")
    #expect(whole.manifest.outcome.ending == .finished && whole.notes.count > 3)
    let stopped = try run(to: "stopped", limit: 3)
    #expect(stopped.manifest.outcome.ending == .interrupted && stopped.notes.count > 3)
    let again = try run(to: "stopped")
    #expect(again.manifest.outcome.ending == .finished && again.notes.isEmpty, "\(again.notes)")
    #expect(again.manifest.rates?.rate == whole.manifest.rates?.rate)
    #expect(again.manifest.outcome.choosingSeconds > 0)
    for name in ["trained.safetensors", "steps.csv", "metrics.csv"] {
      #expect(
        try FileContents.read(directory + "/stopped/" + name)
          == FileContents.read(directory + "/whole/" + name), "\(name)")
    }
  }

  @Test("a method without gradients takes no time, and one that must choose cannot train before")
  func unchosen() async throws {
    #expect(try prepared(BiasTuning()).choose() == nil)
    #expect(try prepared(SparseTuning(entries: 9, rule: .random)).choose() == nil)
    await #expect(processExitsWith: .failure) {
      _ = try TrainingJobTests().train(ChoosingTests().prepared(SparseTuning()))
    }
  }

  @Test(
    "the memory of measuring is in the forecast, without measuring",
    arguments: [SparseTuning(), CoreAdaptation()] as [any AdaptationMethod])
  func memory(_ method: any AdaptationMethod) throws {
    let job = try prepared(method)
    let weights = job.model.backboneLinearLayers.reduce(0) { $0 + $1.weight.count }
    let memory = job.forecast(timing: false).memory
    #expect(memory[.gradients] >= 4 * weights)
    #expect(memory[.optimizer] == 8 * job.counts.trainable)
    #expect(job.model.backboneLinearLayers.allSatisfy { $0.weight.wantsWholeGradient })
  }
}
