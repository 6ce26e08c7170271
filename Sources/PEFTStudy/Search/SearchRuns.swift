import Foundation
import PEFTData
import PEFTModels
import PEFTRuns
import PEFTTensor
import PEFTTrain

/// The runs and files of a search:
///
///     trials/NUMBER.json   the record of a trial, written whole whenever it has been judged
///     runs/NUMBER          its run directory, as long as it may be needed
///
/// The files are the whole state of a search. What is missing is made again, to the same bits.
final class SearchRuns {
  private let output: OutputDirectory
  private let space: SearchSpace
  private let checkpoints: Int?
  private let job: ([String]) throws -> TrainingJob
  private var read: (key: JSONValue, inputs: TrainingInputs)?
  /// The last divergence in this process.
  private(set) var divergence: NonFiniteLoss?

  /// The runs in `output`.
  ///
  /// - Parameters:
  ///   - checkpoints: how often, in steps, a run's state is saved, in addition to after every
  ///     evaluation.
  ///   - job: the job with a value for every dimension of the space.
  init(
    in output: OutputDirectory, of space: SearchSpace, checkpoints: Int?,
    job: @escaping ([String]) throws -> TrainingJob
  ) {
    self.output = output
    self.space = space
    self.checkpoints = checkpoints
    self.job = job
  }

  /// The place of a trial's run inside the directory.
  static func place(of number: Int) -> String { "runs/\(number)" }

  /// Trains a trial up to a rung and judges it there, unless its record says that this is done.
  ///
  /// A trial is judged by the metrics on the dev data: at the end, those of its best step; before,
  /// those of the step. The record is written before the state of that step, so that a run that is
  /// resumed takes this step again or has been judged.
  ///
  /// - Parameters:
  ///   - begun: the trial as known before.
  ///   - rung: the number of the rung, from 0.
  ///   - schedule: the rungs; the last one is the end.
  /// - Returns: nil if it was stopped.
  func judged(
    _ begun: SearchTrial, at rung: Int, of schedule: HalvingSchedule, shouldStop: () -> Bool,
    observe: (SearchEvent) -> Void
  ) throws -> SearchTrial? {
    let job = try trialJob(begun.values)
    let inputs = try inputs(of: job)
    let recipe = try job.recipe(of: inputs)
    let total = plannedSteps(data: inputs.train, settings: job.settings)
    let ends = schedule.rungs.map { $0.steps(of: total) }
    let records = try output.subdirectory("trials", as: .search)
    let path = try records.file("\(begun.number).json")
    var trial = begun
    if try DirectoryHandle.entry(path) != nil {
      trial = try SearchTrialFile.read(
        path, as: begun, of: space, comparedAfter: ends, recipe: recipe)
    }
    if trial.hasReached(rung) { return trial }
    if shouldStop() { return nil }
    func save(_ trial: SearchTrial) throws {
      try SearchTrialFile.write(trial, of: space, recipe: recipe, to: path)
    }
    let end = ends[rung]
    let pause = rung == ends.count - 1 || end >= total ? nil : end
    if let pause, let score = trial.scores.last, score.step >= pause {
      trial.scores.append(score)
      try save(trial)
      return trial
    }
    observe(.begins(trial, until: end))
    TensorMemory.releaseUnused()
    do {
      let manifest = try job.run(
        on: inputs, recipe: recipe,
        in: output.subdirectory(Self.place(of: begun.number), as: .run), isResuming: true,
        checkpoints: checkpoints, pausingAfter: pause, shouldStop: shouldStop,
        searching: { observe(.searching($0)) }
      ) { prepared, event in
        observe(.training(event))
        guard case .step(let report) = event, report.numbers.step == pause else { return }
        trial.scores.append(
          SearchTrial.Score(step: report.numbers.step, metrics: try prepared.devMetrics()))
        trial.steps = report.numbers.step
        trial.trainable = prepared.counts.trainable
        try save(trial)
      }
      let outcome = manifest.outcome
      if outcome.ending == .interrupted {
        guard trial.hasReached(rung) else { return nil }
      } else {
        trial.scores.append(
          SearchTrial.Score(
            step: outcome.bestStep,
            metrics: manifest.metrics.first { $0.split == "dev" }?.values ?? []))
        trial.ending = .finished
      }
      (trial.steps, trial.seconds) = (outcome.steps, outcome.seconds)
      trial.trainable = manifest.counts.trainable
    } catch let error as NonFiniteLoss {
      trial.ending = .diverged
      divergence = error
      observe(.note("trial \(trial.number): \(error)"))
    }
    try save(trial)
    observe(.judged(trial))
    return trial
  }

  /// Removes the runs of trials that are not needed any more.
  func remove(_ numbers: some Collection<Int>) throws {
    for number in numbers {
      try OutputRemoval.removeAll(output.path + "/" + Self.place(of: number))
    }
  }

  /// The job of a trial, which measures no test data.
  private func trialJob(_ values: [String]) throws -> TrainingJob {
    var job = try job(values)
    job.testPath = nil
    job.generation = nil
    return job
  }

  /// The inputs of a job. Those of the job before are used again if they are the same.
  func inputs(of job: TrainingJob) throws -> TrainingInputs {
    let key = job.inputKey
    if let read, read.key == key { return read.inputs }
    let inputs = try job.inputs()
    read = (key, inputs)
    return inputs
  }
}

extension PreparedJob {
  /// The metrics of the model on the dev data, now.
  fileprivate func devMetrics() throws -> [(name: String, value: Double)] {
    try model.readAgain()
    return dev.map { model.evaluate($0, task: task).metrics } ?? []
  }
}

extension TrainingJob {
  /// What the inputs depend on.
  fileprivate var inputKey: JSONValue {
    var key: JSONObject = ["model": .string(modelDirectory), "train": .string(trainPath)]
    key["dev"] = devPath.map { .string($0) }
    key["test"] = testPath.map { .string($0) }
    key["adapter"] = adapter.map { .string($0.path) }
    key["adapterAlpha"] = adapter?.alpha.map { .number($0) }
    let choices = choices
    for name in [
      "task", "format", "columns", "holdout", "fold", "stride", "maximumLength", "generation",
      "chatTemplate",
    ] {
      key[name] = choices[name]
    }
    return .object(key)
  }
}
