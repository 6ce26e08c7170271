import Foundation
import PEFTModels
import PEFTNetwork
import PEFTRuns
import PEFTSelect
import PEFTTensor
import PEFTTrain

/// The main job: it measures the influence of every group, plans under a budget or for a goal,
/// trains the plan's selection, and compares the result with other methods.
public struct AdaptJob: Sendable {
  /// The task and the training settings; the method is replaced.
  public var base: TrainingJob
  /// The limit on trainable parameters, or the goal to reach with as few as possible.
  public var aim: AdaptationAim
  /// Further budgets, all below that of `aim`. Their selections are planned from the same probe,
  /// trained, and compared; a goal has none.
  public var smallerBudgets: [ParameterBudget] = []
  /// How influence is measured and a budget filled.
  public var choice: MeasuredChoice
  /// The number of successive probes that must agree on the selection under the budget to end
  /// probing; if nil, or for a goal, all probes are made.
  public var settleAfter: Int?
  /// The names of the methods to compare with; if nil, LoRA, BitFit and the head, as far as they
  /// train anything in the model.
  /// For a goal, none but full fine-tuning, if the goal is a share of it.
  public var baselines: [String]?
  /// The layers that baselines adapt; empty for the usual ones.
  public var targets: [String] = []
  /// The seeds; each method runs once with each seed.
  public var seeds: [UInt64]
  /// The learning rates to choose from by the dev metric with the first seed; if empty, every run
  /// finds its own.
  public var learningRates: [Double] = []

  /// A job with default settings.
  ///
  /// Its seed and precision are those of the training settings.
  public init(_ base: TrainingJob, budget: ParameterBudget) {
    self.init(base, aim: .budget(budget))
  }

  /// A job with default settings that looks for the smallest set that reaches `goal`.
  ///
  /// Its seed and precision are those of the training settings.
  public init(_ base: TrainingJob, goal: Goal) {
    self.init(base, aim: .goal(goal))
  }

  /// A job with default settings.
  ///
  /// Its seed and precision are those of the training settings.
  public init(_ base: TrainingJob, aim: AdaptationAim) {
    self.base = base
    self.aim = aim
    choice = MeasuredChoice(for: base.settings)
    seeds = [base.settings.seed]
  }

  private static let usualBaselines = [LowRankAdaptation.name, BiasTuning.name, HeadTuning.name]

  /// An event that the job reports.
  public enum Event {
    /// A message for the user.
    case note(String)
    /// A probe begins on these batches.
    case probing(ProbeBatchPlan)
    /// A probe has made progress.
    case probe(InfluenceEvent)
    /// A probe has finished.
    case measured(Influence)
    /// The plan is made.
    case planned(Influence, Plan)
    /// An event of the training of methods.
    case comparison(StudyEvent)
  }

  /// The result of a job.
  public struct Outcome: Sendable {
    /// The measured influence.
    public let influence: Influence
    /// The plan.
    public let plan: Plan
    /// The comparison of the trained selection with the trained baselines. The output directory
    /// itself is the selection's run with the first seed.
    public let comparison: Comparison
  }

  /// How a job ended.
  public enum Ending: Sendable {
    /// Everything was done.
    case finished(Outcome)
    /// The job was stopped before the first probe was done.
    case stoppedEarly
    /// The job was stopped later; when resumed, it continues from there.
    case stopped
  }

  /// Runs the job in the directory `output`.
  ///
  /// Throws `InvalidSetting` and `SelectionError` for settings that do not fit the model or the
  /// data, `FileError` for files, `InsufficientMemory`, and `NonFiniteLoss` if training diverged.
  ///
  /// - Parameters:
  ///   - start: how to treat an existing job in `output`. A resumed job produces the same bits as
  ///     an uninterrupted one.
  ///   - reusingProbe: whether an existing influence is used if it is for the same model.
  ///   - shouldStop: called after every batch.
  public func run(
    in output: String, start: RunStart = .new, reusingProbe: Bool = false,
    shouldStop: () -> Bool = { false }, observe: (Event) -> Void
  ) throws -> Ending {
    let prepared = try base.prepare()
    prepared.notes.forEach { observe(.note($0)) }
    try prepared.checkRates(learningRates)
    let budget = aim.budget.map(prepared.count)
    if case .goal(let goal) = aim { try checkGoal(goal, for: prepared) }
    let smaller = try smallerLimits(for: prepared)
    let names = try baselineNames(for: prepared)
    for (index, name) in names.enumerated() {
      guard !names[..<index].contains(name) else {
        throw InvalidSetting(setting: "baselines", value: name, "it occurs twice")
      }
      guard case .fixed(let method) = baseline(name, budget: budget, for: prepared)?.kind else {
        continue
      }
      try TrainingJob.checkFit(of: method, in: prepared.model)
    }
    var settings = choice.settings(
      for: prepared, budgets: (budget.map { [$0] } ?? []) + smaller.map(\.limit))
    if let budget {
      settings.settled = settleAfter.map { SettledSelection(budget: budget, probes: $0) }
    }
    if !reusingProbe {
      try prepared.check(
        settings, budgets: (budget.map { [$0] } ?? []) + smaller.map(\.limit))
    }
    let directory = try OutputDirectory.adaptation(
      output, overwriting: start == .overwriting, resuming: start == .resuming,
      reusingProbe: reusingProbe)
    if start == .resuming { try checkEarlierPlan(in: directory, budget: budget) }
    let measured = try measure(
      prepared, settings: settings, in: directory, start: start, reusingProbe: reusingProbe,
      shouldStop: shouldStop, observe: observe)
    guard let measured else { return .stoppedEarly }
    guard measured.isComplete else { return .stopped }
    let found =
      switch aim {
      case .budget(let budget):
        try plan(measured, budget: prepared.count(of: budget), in: directory)
      case .goal(let goal):
        try smallestPlan(
          reaching: goal, measured, for: prepared, in: directory, shouldStop: shouldStop,
          observe: observe)
      }
    guard let plan = found else { return .stopped }
    observe(.planned(measured, plan.value))
    let methods =
      try [Study.Method(plan.value, seconds: plan.seconds)]
      + smaller.map {
        let smallerPlan = try timedPlan(measured, budget: $0.limit)
        return Study.Method(
          smallerPlan.value, named: Comparison.selectionLabel + " \($0.name)",
          seconds: smallerPlan.seconds)
      }
      + names.compactMap { baseline($0, budget: plan.value.budget, for: prepared) }
    // The runs of a search for a goal are used again.
    let comparison = try ComparisonJob(base: base, seeds: seeds, learningRates: learningRates).run(
      methods, budget: budget, for: prepared, in: directory, isFirstMain: true,
      resuming: start == .resuming || budget == nil, shouldStop: shouldStop
    ) { observe(.comparison($0)) }
    guard let comparison else { return .stopped }
    return .finished(Outcome(influence: measured, plan: plan.value, comparison: comparison))
  }

  /// The smaller budgets by name, in numbers of parameters including the head.
  ///
  /// Throws unless every one is below the budget.
  private func smallerLimits(
    for prepared: PreparedJob
  ) throws(InvalidSetting) -> [(name: String, limit: Int)] {
    let limits = smallerBudgets.map { (name: $0.description, limit: prepared.count(of: $0)) }
    guard let budget = aim.budget.map(prepared.count) else {
      guard limits.isEmpty else {
        throw InvalidSetting(setting: "smaller-budgets", "a goal has no smaller budgets")
      }
      return []
    }
    if let (first, _) = Study.collision(among: limits, by: \.name) {
      throw InvalidSetting(setting: "smaller-budgets", value: first.name, "it occurs twice")
    }
    if let wrong = limits.first(where: { $0.limit >= budget }) {
      throw InvalidSetting(
        setting: "smaller-budgets",
        "\(wrong.name) allows \(wrong.limit) parameters, which is not below the budget of "
          + "\(budget)")
    }
    return limits
  }

  /// Throws if the trained selection in the directory is that of another budget, or if only one of
  /// the two jobs has a goal: the plan and the run would be replaced.
  private func checkEarlierPlan(in directory: OutputDirectory, budget: Int?) throws {
    guard try directory.has(Plan.fileName),
      try directory.has(RunManifest.fileName) || directory.has(TrainingState.manifestName)
    else { return }
    let path = directory.path + "/" + Plan.fileName
    let plan = try Plan.read(path)
    let isSame = budget.map { plan.goal == nil && plan.budget == $0 } ?? (plan.goal != nil)
    guard !isSame else { return }
    throw FileError(
      .storage, path: path,
      reason: "the selection trained here is for "
        + (plan.goal.map { "the goal \($0.goal)" } ?? "a budget of \(plan.budget) parameters"),
      remedy: "resume with that `\(plan.goal == nil ? "budget" : "goal")`, name another directory, "
        + "or keep only the probe with `reuse-probe` and `overwrite`")
  }

  /// A method to compare with, in the size of a budget.
  private func baseline(
    _ name: String, budget: Int?, for prepared: PreparedJob
  ) -> Study.Method? {
    Study.Method(named: name, budget: budget, targets: targets, for: prepared.model)
  }

  /// The names of the methods to compare with.
  private func baselineNames(for prepared: PreparedJob) throws -> [String] {
    guard case .goal(let goal) = aim else {
      return try prepared.methodNames(baselines, usual: Self.usualBaselines)
    }
    let asked = try prepared.methodNames(baselines ?? [], usual: [])
    return goal.isRelative && !asked.contains(FullTuning.name) ? [FullTuning.name] + asked : asked
  }

  /// The influence that exists in the directory, or a new one; nil if the job was stopped before
  /// the first probe.
  private func measure(
    _ prepared: PreparedJob, settings: InfluenceSettings, in directory: OutputDirectory,
    start: RunStart, reusingProbe: Bool, shouldStop: () -> Bool, observe: (Event) -> Void
  ) throws -> Influence? {
    let path = directory.path + "/" + Influence.fileName
    if reusingProbe || start == .resuming, FileManager.default.fileExists(atPath: path) {
      let found = try Influence.read(path)
      // A probe to use again may have had settings of its own.
      if start == .resuming, !reusingProbe, found.isComplete {
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
    try measured.write(to: directory.file(Influence.fileName))
    if measured.isComplete { try CheckpointStore<ProbeCheckpoint>.remove(from: directory) }
    return measured
  }

  /// Makes the plan, writes it with the frontier, and returns it with the time in seconds that it
  /// and the probe took.
  private func plan(
    _ influence: Influence, budget: Int, in directory: OutputDirectory
  ) throws -> (value: Plan, seconds: Double) {
    let plan = try timedPlan(influence, budget: budget)
    return (try written(plan.value, by: Planner(influence), in: directory), plan.seconds)
  }

  /// Makes a plan, and returns it with the time in seconds that it and the probe took.
  private func timedPlan(
    _ influence: Influence, budget: Int
  ) throws -> (value: Plan, seconds: Double) {
    let start = ContinuousClock.now
    let plan = try MeasuredChoice.plan(influence, budget: budget, seed: base.settings.seed)
    return (plan, influence.cost.seconds + (ContinuousClock.now - start) / .seconds(1))
  }

  /// Writes a plan, bound to its influences, with the frontier, and returns it.
  func written(
    _ plan: Plan, by planner: Planner, in directory: OutputDirectory
  ) throws -> Plan {
    var plan = plan
    plan.files[Influence.fileName] = try Fingerprint.file(Influence.path(directory.path))
    try plan.write(try planner.frontier(), in: directory)
    return plan
  }
}
