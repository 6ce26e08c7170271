import PEFTModels
import PEFTRuns
import PEFTSelect
import PEFTStudy
import PEFTTensor

/// Methods trained one after the other, as the user sees it; `compare` and `adapt` share it.
struct ComparisonSession {
  let job: ComparisonJob
  let prepared: PreparedJob
  let common: CommonOptions
  let output: OutputDirectory
  /// Whether runs that are there stay.
  let isResuming: Bool

  /// A method by name, as near to the budget as a setting brings it; nil for an unknown name.
  ///
  /// - Parameter targets: the layers to adapt, for methods that have targets; none for the usual.
  func candidate(_ name: String, budget: Int?, targets: [String]) -> ComparisonJob.Candidate? {
    guard var method = MethodCatalogue.standard.method(named: name) else { return nil }
    if !targets.isEmpty, method.settings["targets"] != nil {
      try? method.set("targets", .array(targets.map { .string($0) }))
    }
    if let budget { method = method.sized(nearest: budget, for: prepared.model) }
    return ComparisonJob.Candidate(
      label: method.label, method: method, usualLearningRate: method.usualLearningRate)
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
    let parameters = prepared.model.parameters
    func trains(_ name: String) -> Bool {
      switch name {
      case HeadTuning.name: parameters.contains { $0.kind == .head }
      case BiasTuning.name:
        parameters.contains { $0.kind == .head || $0.parameter.name.hasSuffix(".bias") }
      default: true
      }
    }
    guard let asked else { return usual.filter(trains) }
    if let idle = asked.first(where: { !trains($0) }) {
      throw InvalidSetting("\(idle): the model has nothing that it would train; leave it out")
    }
    return asked
  }
}
