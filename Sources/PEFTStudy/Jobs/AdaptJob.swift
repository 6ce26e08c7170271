import Foundation
import PEFTModels
import PEFTNetwork
import PEFTRuns
import PEFTSelect
import PEFTTensor

/// The main job: measures the influence of every group, plans under a budget, trains what the plan
/// chose, and compares it with other methods.
public struct AdaptJob: Sendable {
  /// The task and how to train; its method is replaced.
  public var base: TrainingJob
  /// The parameters that may train, the head included.
  public var budget: ParameterBudget
  /// How influence is measured. Where interactions are, the plan counts once what groups share.
  public var influence = InfluenceSettings()
  /// Probing ends once so many successive probes agree on the selection; nil probes to the end.
  public var settleAfter: Int?
  /// The methods to compare with, by name; nil for LoRA, BitFit and the head, as far as they train
  /// something of the model.
  public var baselines: [String]?
  /// The layers that baselines adapt; none for the usual ones.
  public var targets: [String] = []
  /// One run of each method for each.
  public var seeds: [UInt64]
  /// Learning rates to choose from by the dev metric with the first seed; empty takes the one that
  /// usually suits the method.
  public var learningRates: [Double] = []

  /// Adapters of several sizes, so that a small budget can be used up.
  public static let usualCandidates = AdapterCandidates(ranks: [1, 2, 4, 8, 16])

  /// A job with the defaults: seed and precision are those of the training settings.
  public init(_ base: TrainingJob, budget: ParameterBudget) {
    self.base = base
    self.budget = budget
    influence.candidates = Self.usualCandidates
    influence.probe.seed = base.settings.seed
    influence.probe.precision = base.settings.precision
    seeds = [base.settings.seed]
  }

  /// What a job tells while it goes.
  public enum Event {
    /// Something that the user should know.
    case note(String)
    /// A probe begins, on these batches.
    case probing(ProbeBatchPlan)
    /// A probe goes on.
    case probe(InfluenceEvent)
    /// A probe has ended.
    case measured(Influence)
    /// There is a plan.
    case planned(Influence, Plan)
    /// Methods are trained.
    case comparison(StudyEvent)
  }

  /// What came of a job.
  public struct Outcome: Sendable {
    /// What was measured.
    public let influence: Influence
    /// What was chosen.
    public let plan: Plan
    /// The chosen parameters and the baselines, trained. The run of the plan with the first seed is
    /// the output directory itself.
    public let comparison: Comparison
  }

  /// How a job ended.
  public enum Ending: Sendable {
    /// With everything done.
    case finished(Outcome)
    /// It was stopped before the first probe was done.
    case stoppedEarly
    /// It was stopped later; resuming it goes on from there.
    case stopped
  }

  /// Runs the job in the directory `output`.
  ///
  /// Throws `InvalidSetting` and `SelectionError` for settings that fit neither model nor data,
  /// `FileError` for files, `InsufficientMemory`, and `NonFiniteLoss` where training diverged.
  ///
  /// - Parameters:
  ///   - start: what happens with a job that is in `output`. A resumed one gives the bits of one
  ///     that was not stopped.
  ///   - reusingProbe: whether an influence that is there is used if it is of the same model.
  ///   - shouldStop: asked after every batch.
  public func run(
    in output: String, start: RunStart = .new, reusingProbe: Bool = false,
    shouldStop: () -> Bool = { false }, observe: (Event) -> Void
  ) throws -> Ending {
    let prepared = try base.prepare()
    prepared.notes.forEach { observe(.note($0)) }
    let names = try prepared.methodNames(baselines, usual: ["lora", "bitfit", "head"])
    let budget = self.budget.count(of: prepared.counts.parameters)
    if !reusingProbe { try prepared.checkBudget(budget, influence) }
    let directory = try OutputDirectory.adaptation(
      output, overwriting: start == .overwriting, resuming: start == .resuming,
      reusingProbe: reusingProbe)
    let measured = try measure(
      prepared, budget: budget, in: directory, start: start, reusingProbe: reusingProbe,
      shouldStop: shouldStop, observe: observe)
    guard let measured else { return .stoppedEarly }
    guard measured.isComplete else { return .stopped }
    let plan = try plan(measured, budget: budget, in: directory)
    observe(.planned(measured, plan.value))
    let methods =
      [Study.Method(plan.value, seconds: plan.seconds)]
      + names.compactMap {
        Study.Method(named: $0, budget: budget, targets: targets, for: prepared.model)
      }
    let comparison = try ComparisonJob(base: base, seeds: seeds, learningRates: learningRates).run(
      methods, budget: budget, for: prepared, in: directory, isFirstMain: true,
      resuming: start == .resuming, shouldStop: shouldStop
    ) { observe(.comparison($0)) }
    guard let comparison else { return .stopped }
    return .finished(Outcome(influence: measured, plan: plan.value, comparison: comparison))
  }

  /// The influence that is in the directory, or a new one; nil where it was stopped before the
  /// first probe.
  private func measure(
    _ prepared: PreparedJob, budget: Int, in directory: OutputDirectory, start: RunStart,
    reusingProbe: Bool, shouldStop: () -> Bool, observe: (Event) -> Void
  ) throws -> Influence? {
    var settings = influence
    settings.settled = settleAfter.map { SettledSelection(budget: budget, probes: $0) }
    let path = directory.path + "/" + Influence.fileName
    if reusingProbe || start == .resuming, FileManager.default.fileExists(atPath: path) {
      let found = try Influence.read(path)
      if start == .resuming, found.isComplete {
        try base.check(found, isOf: settings, on: prepared.inputs, path: path)
      }
      if found.isComplete, try found.isOf(prepared.files) {
        observe(.note("using the influences in \(path)"))
        try CheckpointStore<ProbeCheckpoint>.remove(from: directory)
        return found
      }
      observe(
        .note(
          "\(path) is incomplete or belongs to another model; "
            + (start == .resuming ? "resuming the probe" : "probing again")))
    }
    observe(.probing(prepared.probeBatchPlan(settings)))
    let measured = try prepared.measureInfluence(
      settings, savingIn: directory, resuming: start == .resuming, shouldStop: shouldStop
    ) { observe(.probe($0)) }
    guard let measured else { return nil }
    observe(.measured(measured))
    try JSONFile.write(measured.json, to: directory.file(Influence.fileName))
    if measured.isComplete { try CheckpointStore<ProbeCheckpoint>.remove(from: directory) }
    return measured
  }

  /// The plan, which is written with the frontier, and the seconds that it and the probe took.
  private func plan(
    _ influence: Influence, budget: Int, in directory: OutputDirectory
  ) throws -> (value: Plan, seconds: Double) {
    let start = ContinuousClock.now
    let planner = Planner(influence)
    var plan =
      self.influence.probe.interactions
      ? try planner.interactingPlan(budget: budget)
      : try planner.plan(budget: budget, seed: base.settings.seed)
    let frontier = try planner.frontier()
    let seconds = influence.cost.seconds + (ContinuousClock.now - start) / .seconds(1)
    plan.files[Influence.fileName] = try Fingerprint.file(Influence.path(directory.path))
    try plan.write(frontier, in: directory)
    return (plan, seconds)
  }
}
