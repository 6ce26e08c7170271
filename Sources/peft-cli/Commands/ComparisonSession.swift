import PEFTModels
import PEFTSelect
import PEFTTensor
import PEFTTrain

/// Methods trained one after the other, as the user sees it; `compare` and `adapt` share it.
struct ComparisonSession {
  let job: ComparisonJob
  let prepared: PreparedJob
  let common: CommonOptions
  let output: OutputDirectory
  /// Whether runs that are there stay.
  let isResuming: Bool

  /// A method by name; `lora` with the rank nearest to the budget.
  func candidate(_ name: String, budget: Int?, targets: [String]) -> ComparisonJob.Candidate? {
    let rank =
      budget.map {
        LowRankAdaptation.rank(nearest: $0, for: prepared.model, targets: targets)
      } ?? 8
    let isLowRank = name == LowRankAdaptation.name
    let method: (any AdaptationMethod)? =
      isLowRank
      ? LowRankAdaptation(rank: rank, targets: targets)
      : MethodCatalogue.standard.method(named: name)
    return method.map {
      ComparisonJob.Candidate(
        label: isLowRank ? "lora r\(rank)" : name, method: $0,
        usualLearningRate: $0.usualLearningRate)
    }
  }

  /// What a plan chose, as a method.
  func candidate(_ plan: Plan?, probeSeconds: Double) -> ComparisonJob.Candidate? {
    plan.map {
      ComparisonJob.Candidate(
        label: Comparison.selectionLabel, method: $0.method,
        usualLearningRate: $0.method.usualLearningRate,
        probeSeconds: probeSeconds, plan: $0)
    }
  }

  /// Trains a candidate with every seed; nil where a signal ended it.
  ///
  /// - Parameter isMain: whether the first seed's run goes into `output` itself; those of
  ///   others go below it.
  func train(
    _ candidate: ComparisonJob.Candidate, isMain: Bool = false
  ) throws -> Comparison.Entry? {
    Interruption.watch()
    let progress = ProgressLine(isQuiet: common.quiet)
    let name = candidate.label.replacing(" ", with: "-")
    return try job.entry(
      candidate, in: output,
      directory: { seed in
        isMain && seed == job.seeds.first ? "" : "methods/\(name)/seed-\(seed)"
      }, resuming: isResuming,
      shouldStop: { Interruption.isRequested }
    ) { event in
      switch event {
      case .run(let label, let seed, let rate):
        common.note("\(label): seed \(seed), learning rate \(rate)")
      case .training(let event): progress.show(event)
      case .diverged(let label, let rate, let error):
        common.note("\(label), learning rate \(rate): \(error)")
      }
    }
  }

  /// The methods asked for, or those of the usual ones that train something of this model.
  static func names(
    _ asked: [String]?, usual: [String], for prepared: PreparedJob
  ) throws -> [String] {
    func trains(_ name: String) -> Bool {
      name != HeadTuning.name || !prepared.model.taskParameters.isEmpty
    }
    guard let asked else { return usual.filter(trains) }
    guard asked.allSatisfy(trains) else {
      throw InvalidSetting("head: a language model has no task head to train; leave it out")
    }
    return asked
  }
}
