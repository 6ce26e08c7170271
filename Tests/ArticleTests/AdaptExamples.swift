import Foundation
import PEFTData
import PEFTModels
import PEFTRuns
import PEFTStudy
import Testing

/// The example of the article on adapting.
@Suite("Examples of PEFTStudy")
struct AdaptExamples {
  @Test("adapting")
  func adapting() throws {
    let files = try ExampleFiles()
    let (modelDirectory, trainPath, devPath) = (
      files.modelDirectory, files.trainPath, files.devPath
    )
    let output = files.directory + "/adapt"
    var base = TrainingJob(
      modelDirectory: modelDirectory, trainPath: trainPath, method: FullTuning())
    base.devPath = devPath
    base.settings.length = .steps(8)
    base.settings.batches = BatchPlan(size: .examples(8))

    var job = AdaptJob(base, budget: .share(0.05))
    job.choice.influence.headSteps = 20
    job.choice.influence.probe.path = .held(directionBatches: 4)
    job.baselines = ["lora", "bitfit"]

    let ending = try job.run(in: output) { event in
      if case .planned(_, let plan) = event { print(plan.groups.map(\.group.name)) }
    }
    if case .finished(let outcome) = ending {
      for entry in outcome.comparison.entries {
        print(entry.label, entry.trainable, entry.learningRate)
      }
    }

    var smallest = AdaptJob(base, goal: .percentOfFull(98))
    smallest.choice.influence.headSteps = 20
    smallest.choice.influence.probe.path = .held(directionBatches: 4)
    let search = try smallest.run(in: output + "-smallest") { _ in }
    if case .finished(let outcome) = search, let goal = outcome.plan.goal {
      print(goal.answer)
      for trial in goal.trials { print(trial.name, trial.parameters, trial.score, trial.range) }
    }
    guard case .finished(let least) = search, let goal = least.plan.goal else {
      Issue.record("the search was not stopped")
      return
    }
    #expect(goal.chosenCount == least.plan.weight && !goal.trials.isEmpty)
    #expect(least.comparison.entries.map(\.label) == ["selection", "full"])

    guard case .finished(let outcome) = ending else {
      Issue.record("the job was not stopped")
      return
    }
    #expect(outcome.comparison.entries.count == 3)
    #expect(outcome.comparison.entries[0].isSelection)
    #expect(outcome.plan.weight <= outcome.plan.budget)
    for name in ["influence.json", "plan.json", "run.json", "report.html"] {
      #expect(FileManager.default.fileExists(atPath: output + "/" + name), "\(name)")
    }
    func scores(_ comparison: Comparison) -> [Double] {
      comparison.entries.flatMap { entry in
        entry.runs.flatMap { $0.metrics.flatMap { $0.values.map(\.value) } }
      }
    }
    // Resuming a job that has ended does nothing.
    var events = 0
    let again = try job.run(in: output, start: .resuming) { event in
      if case .comparison(.training) = event { events += 1 }
      if case .probe = event { events += 1 }
    }
    guard case .finished(let second) = again else {
      Issue.record("the job was not stopped")
      return
    }
    #expect(events == 0 && scores(second.comparison) == scores(outcome.comparison))
    // A job stopped at once has no results; a job stopped during training can be resumed.
    let other = files.directory + "/stopped"
    guard case .stoppedEarly = try job.run(in: other, shouldStop: { true }, observe: { _ in })
    else {
      Issue.record("the job was stopped before its first probe")
      return
    }
    var steps = 0
    let stopped = try job.run(
      in: other, start: .resuming, shouldStop: { steps > 3 }
    ) { event in
      if case .comparison(.training(.step)) = event { steps += 1 }
    }
    guard case .stopped = stopped,
      case .finished(let last) = try job.run(
        in: other, start: .resuming, observe: { _ in })
    else {
      Issue.record("the job was stopped while it trained")
      return
    }
    #expect(scores(last.comparison) == scores(outcome.comparison))
  }
}
