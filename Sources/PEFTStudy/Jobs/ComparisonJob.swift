import PEFTRuns
import PEFTTensor

/// Trains several methods on one task, with the same data, steps, schedule, seeds and choice of
/// learning rates for all. Every run has its own directory.
public struct ComparisonJob: Sendable {
  /// The task and the training settings; method, learning rate and seed are replaced.
  public var base: TrainingJob
  /// The seeds; every method trains once with each seed.
  public var seeds: [UInt64]
  /// The learning rates to choose from by the dev metric with the first seed; if empty, every run
  /// finds its own.
  public var learningRates: [Double]

  /// Creates a job.
  public init(base: TrainingJob, seeds: [UInt64], learningRates: [Double]) {
    self.base = base
    self.seeds = seeds
    self.learningRates = learningRates
  }

  /// Throws for a method that does not fit the model, and for two that would share a directory. A
  /// directory that is to be replaced is opened only after this.
  public func check(_ methods: [Study.Method], for prepared: PreparedJob) throws {
    let (study, problem) = try study(of: methods, for: prepared)
    _ = try StudyJob.rows(of: study, on: [problem])
  }

  private func study(
    of methods: [Study.Method], for prepared: PreparedJob
  ) throws -> (Study, StudyProblem) {
    let problem = Study.Problem(name: "task", job: base)
    let study = Study(
      name: "comparison", question: "", problems: [problem], seeds: seeds,
      learningRates: learningRates, methods: methods)
    return (study, try StudyProblem(problem, inputs: prepared.inputs, model: prepared.model))
  }

  /// Trains methods one after another.
  ///
  /// After each, it writes the comparison and the page, so that the results so far can be viewed
  /// while the next method trains.
  ///
  /// Throws `NonFiniteLoss` if a method diverges with every rate, or with the chosen rate and
  /// another seed.
  ///
  /// - Parameters:
  ///   - methods: the methods.
  ///   - budget: the budget of the methods; nil if there is none.
  ///   - prepared: the job with its model and files.
  ///   - output: the directory. A method's runs are in `methods/NAME/seed-SEED`.
  ///   - isFirstMain: whether the directory itself is the first method's run with the first seed.
  ///   - resuming: whether existing runs are kept; otherwise they are replaced.
  ///   - shouldStop: called after every batch.
  /// - Returns: nil if the job was stopped; the state of the current run is saved.
  public func run(
    _ methods: [Study.Method], budget: Int?, for prepared: PreparedJob,
    in output: OutputDirectory, isFirstMain: Bool = false, resuming: Bool = false,
    shouldStop: () -> Bool = { false }, observe: (StudyEvent) -> Void = { _ in }
  ) throws -> Comparison? {
    try prepared.checkRates(learningRates)
    let (study, problem) = try study(of: methods, for: prepared)
    var main: (label: String, seed: UInt64)?
    if isFirstMain, let method = methods.first, let seed = seeds.first {
      main = (method.name, seed)
    }
    let job = try StudyJob(
      study, on: [problem], in: RunStore(in: output, main: main, isResuming: resuming))
    var result = Comparison(
      modelParameters: prepared.counts.parameters, budget: budget,
      metric: prepared.task.primaryMetric)
    let total = job.rows.reduce(0) { $0 + job.runCount(of: $1) }
    var done = 0
    for (position, row) in job.rows.enumerated() {
      let trials = try job.trials(
        of: row, after: done, of: total, shouldStop: shouldStop, observe: observe)
      guard let trials else { return nil }
      done += job.runCount(of: row)
      if let entry = Comparison.Entry(row, trials) { result.entries.append(entry) }
      result.remaining = job.rows[(position + 1)...].map(\.label)
      result.judge(on: prepared.inputs)
      try result.write(in: output)
      try ReportPage.write(output)
    }
    return result
  }
}

extension PreparedJob {
  /// Throws if one of several learning rates is to be chosen, and there are no dev data to choose
  /// by.
  func checkRates(_ rates: [Double]) throws(InvalidSetting) {
    guard rates.count > 1, dev == nil else { return }
    throw InvalidSetting(
      setting: "learning-rates", "there are no dev data to choose among them; name `dev` data")
  }
}
