import Foundation
import PEFTModels
import PEFTRuns
import PEFTTensor
import PEFTTrain

/// Trains methods on one task by one recipe: the same data, steps, schedule, seeds and choice of
/// learning rates for all.
public struct ComparisonJob: Sendable {
  /// The task and the recipe; its method, learning rate and seed are replaced.
  public var base: TrainingJob
  /// One run for each.
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

  /// A method to compare.
  public struct Candidate: Sendable {
    /// What it is called.
    public var label: String
    /// What trains.
    public var method: any AdaptationMethod
    /// The learning rate where none is to be chosen.
    public var usualLearningRate: Double
    /// Seconds spent before training, charged to it.
    public var probeSeconds = 0.0
    /// The plan behind the method, where there is one.
    public var plan: Plan?

    /// A method called `label`.
    public init(
      label: String, method: any AdaptationMethod, usualLearningRate: Double,
      probeSeconds: Double = 0, plan: Plan? = nil
    ) {
      self.label = label
      self.method = method
      self.usualLearningRate = usualLearningRate
      self.probeSeconds = probeSeconds
      self.plan = plan
    }
  }

  /// What a comparison tells while it goes.
  public enum Event {
    /// A run begins.
    case run(label: String, seed: UInt64, learningRate: Double)
    /// A run goes on.
    case training(TrainingEvent)
    /// A run with a learning rate on trial ended without a result.
    case diverged(label: String, learningRate: Double, NonFiniteLoss)
  }

  /// Trains methods in turn, and writes comparison and page after each, so that what is there can
  /// be looked at while the next one trains.
  ///
  /// - Parameters:
  ///   - candidates: the methods.
  ///   - budget: the budget that they keep, where there is one.
  ///   - prepared: the job with its model, for what the comparison says of both.
  ///   - output: the directory. A method's runs are in `methods/LABEL/seed-SEED`.
  ///   - isFirstMain: whether the first method's run with the first seed is the directory's own.
  ///   - resuming: whether runs that are there stay; otherwise they are replaced.
  /// - Returns: nil where it was stopped; the run in hand is saved as far as it got.
  public func run(
    _ candidates: [Candidate], budget: Int?, for prepared: PreparedJob, in output: OutputDirectory,
    isFirstMain: Bool = false, resuming: Bool = false, shouldStop: () -> Bool = { false },
    observe: (Event) -> Void = { _ in }
  ) throws -> Comparison? {
    var result = Comparison(
      modelParameters: prepared.counts.parameters, budget: budget,
      metric: prepared.task.primaryMetric)
    for (position, candidate) in candidates.enumerated() {
      let name = candidate.label.replacing(" ", with: "-")
      let entry = try entry(
        candidate, in: output,
        directory: { seed in
          isFirstMain && position == 0 && seed == seeds.first ? "" : "methods/\(name)/seed-\(seed)"
        }, resuming: resuming, shouldStop: shouldStop, observe: observe)
      guard let entry else { return nil }
      result.entries.append(entry)
      try result.write(in: output)
      try ReportPage.write(output)
    }
    return result
  }

  /// Trains one method with every seed, each into a run directory of its own. Where learning rates
  /// are to be chosen from, each has a directory `rate-RATE` in that of the first seed, and the
  /// best one's run is copied; one that diverges is not chosen. Throws where all do, or the chosen
  /// one with another seed.
  ///
  /// - Parameters:
  ///   - output: the command's directory.
  ///   - directory: the directory of the run with a seed, inside `output`; empty for
  ///     `output` itself.
  ///   - resuming: whether runs that are there stay; otherwise they are replaced.
  /// - Returns: nil where it was stopped; the run in hand is saved as far as it got.
  private func entry(
    _ candidate: Candidate, in output: OutputDirectory, directory: (UInt64) -> String,
    resuming: Bool, shouldStop: () -> Bool, observe: (Event) -> Void
  ) throws -> Comparison.Entry? {
    var entry: Comparison.Entry?
    let rates = learningRates.isEmpty ? [candidate.usualLearningRate] : learningRates
    var chosen = rates[0]
    for (position, seed) in seeds.enumerated() {
      let main =
        directory(seed).isEmpty
        ? output : try output.subdirectory(directory(seed), as: .run)
      var best: (manifest: RunManifest, rate: Double, directory: OutputDirectory)?
      var failure: NonFiniteLoss?
      for rate in position == 0 ? rates : [chosen] {
        let isTrial = position == 0 && rates.count > 1
        let place = isTrial ? try main.subdirectory("rate-\(rate)", as: .run) : main
        observe(.run(label: candidate.label, seed: seed, learningRate: rate))
        let manifest: RunManifest
        do {
          manifest = try run(
            candidate, seed: seed, rate: rate, in: place, resuming: resuming,
            shouldStop: shouldStop, observe: observe)
        } catch let error as NonFiniteLoss where isTrial {
          observe(.diverged(label: candidate.label, learningRate: rate, error))
          failure = error
          continue
        }
        if manifest.outcome.ending == .interrupted { return nil }
        if best.map({ score(manifest) > score($0.manifest) }) ?? true {
          best = (manifest, rate, place)
        }
      }
      if best == nil, let failure { throw failure }
      guard let best else { continue }
      chosen = best.rate
      if best.directory !== main { try RunDirectory.copy(best.directory.path, to: main) }
      let run = Comparison.Run(
        seed: seed, metrics: best.manifest.metrics, seconds: best.manifest.outcome.seconds,
        steps: best.manifest.outcome.steps)
      if entry == nil {
        entry = Comparison.Entry(
          label: candidate.label, isSelection: candidate.plan != nil,
          trainable: best.manifest.counts.trainable, learningRate: chosen,
          runs: [], probeSeconds: candidate.probeSeconds)
      }
      entry?.runs.append(run)
    }
    return entry
  }

  private func run(
    _ candidate: Candidate, seed: UInt64, rate: Double, in output: OutputDirectory,
    resuming: Bool, shouldStop: () -> Bool, observe: (Event) -> Void
  ) throws -> RunManifest {
    var job = base
    job.method = candidate.method
    job.plannedModel = candidate.plan?.model
    job.settings.seed = seed
    job.settings.learningRate = rate
    if resuming, let finished = try job.finishedRun(in: output.path, tidying: false) {
      try CheckpointStore<TrainingState>.remove(from: output)
      return finished
    }
    let prepared = try job.prepare()
    try prepared.checkMemory(prepared.forecast(timing: false))
    return try prepared.run(
      in: output, recipe: job.recipe(prepared.files),
      resuming: resuming && output.has(TrainingState.manifestName), shouldStop: shouldStop
    ) { observe(.training($0)) }
  }

  /// The dev metric, or where there is no dev data the test metric's absence: the first rate wins.
  private func score(_ manifest: RunManifest) -> Double {
    manifest.metrics.first { $0.split == "dev" }.map {
      manifest.task.primaryMetric.score($0.values)
    } ?? -.infinity
  }
}
