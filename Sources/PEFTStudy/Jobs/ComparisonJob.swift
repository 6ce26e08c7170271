import PEFTRuns
import PEFTTensor

/// Trains methods on one task: the same data, steps, schedule, seeds and choice of learning rates
/// for all. Every run has a directory of its own.
public struct ComparisonJob: Sendable {
  /// The task and the training settings; method, learning rate and seed are replaced.
  public var base: TrainingJob
  /// Every method trains once with each.
  public var seeds: [UInt64]
  /// Learning rates to choose from by the dev metric with the first seed; empty takes the one that
  /// usually suits the method.
  public var learningRates: [Double]

  /// A job.
  public init(base: TrainingJob, seeds: [UInt64], learningRates: [Double]) {
    self.base = base
    self.seeds = seeds
    self.learningRates = learningRates
  }

  /// Trains methods in turn, and writes comparison and page after each, so that the results so far
  /// can be looked at while the next one trains.
  ///
  /// Throws `NonFiniteLoss` where a method diverges with every rate, or the chosen one with another
  /// seed.
  ///
  /// - Parameters:
  ///   - methods: the methods.
  ///   - budget: the budget that they keep, where there is one.
  ///   - prepared: the job with its model and files.
  ///   - output: the directory. A method's runs are in `methods/NAME/seed-SEED`.
  ///   - isFirstMain: whether the first method's run with the first seed is the directory's own.
  ///   - resuming: whether runs that are there stay; otherwise they are replaced.
  ///   - shouldStop: asked after every batch.
  /// - Returns: nil where it was stopped; the current run is saved as far as it got.
  public func run(
    _ methods: [Study.Method], budget: Int?, for prepared: PreparedJob,
    in output: OutputDirectory, isFirstMain: Bool = false, resuming: Bool = false,
    shouldStop: () -> Bool = { false }, observe: (StudyEvent) -> Void = { _ in }
  ) throws -> Comparison? {
    let problem = Study.Problem(name: "task", job: base)
    let study = Study(
      name: "comparison", question: "", problems: [problem], seeds: seeds,
      learningRates: learningRates, methods: methods)
    var main: (label: String, seed: UInt64)?
    if isFirstMain, let method = methods.first, let seed = seeds.first {
      main = (method.name, seed)
    }
    let job = try StudyJob(
      study, on: [StudyProblem(problem, inputs: prepared.inputs, model: prepared.model)],
      in: RunStore(in: output, main: main, isResuming: resuming))
    var result = Comparison(
      modelParameters: prepared.counts.parameters, budget: budget,
      metric: prepared.task.primaryMetric)
    for row in job.rows {
      let trials = try job.trials(of: row, shouldStop: shouldStop, observe: observe)
      guard let trials else { return nil }
      if let entry = Comparison.Entry(row, trials) { result.entries.append(entry) }
      try result.write(in: output)
      try ReportPage.write(output)
    }
    return result
  }
}
