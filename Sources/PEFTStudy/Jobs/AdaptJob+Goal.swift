import PEFTReport
import PEFTRuns

/// What determines the size of a plan.
public enum AdaptationAim: Hashable, Sendable {
  /// A limit on trainable parameters.
  case budget(ParameterBudget)
  /// A score to reach with as few parameters as possible.
  case goal(Goal)

  /// The limit; nil for a goal.
  var budget: ParameterBudget? { if case .budget(let budget) = self { budget } else { nil } }
}

extension AdaptJob {
  /// Throws `InvalidSetting` if the task has no score that could be a goal, or no dev data to judge
  /// it by.
  func checkGoal(_ goal: Goal, for prepared: PreparedJob) throws(InvalidSetting) {
    try goal.check(prepared.task)
    guard prepared.dev?.targets == nil else { return }
    throw InvalidSetting(
      setting: "goal", value: goal, "there are no dev data to judge it by; name `dev` data")
  }

  /// Searches for the smallest set that reaches a goal, writes its plan, and makes its run that of
  /// the directory. Returns the plan with the time in seconds that it, the probe and the runs of
  /// other sets took; nil if the search was stopped.
  func smallestPlan(
    reaching goal: Goal, _ influence: Influence, for prepared: PreparedJob,
    in directory: OutputDirectory, shouldStop: () -> Bool, observe: (Event) -> Void
  ) throws -> (value: Plan, seconds: Double)? {
    let seed = seeds.first ?? base.settings.seed
    let planner = Planner(influence)
    let ladder = planner.ladder(seed: base.settings.seed)
    guard !ladder.rungs.isEmpty, let dev = prepared.dev else {
      throw InvalidSetting(
        setting: "goal", value: goal,
        "these groups form no uniform set, and there is no head to train; use `groups` kind-layer or "
          + "kind")
    }
    observe(.note(Self.text(of: ladder)))
    let search = GoalSearch(
      goal: goal, ladder: ladder, metric: prepared.task.primaryMetric.name, rowCount: dev.count,
      headParameters: planner.groups.headParameterCount)
    let found = try withoutActuallyEscaping(shouldStop) { shouldStop in
      try withoutActuallyEscaping(observe) { observe -> GoalSearch.Outcome? in
        let runs = try GoalRuns(
          of: search.methods(by: planner), base: base, prepared: prepared, seed: seed,
          learningRates: learningRates, in: directory, shouldStop: shouldStop,
          observe: { observe(.comparison($0)) })
        do {
          return try search.run(runs) { observe(.note($0)) }
        } catch is GoalRuns.Stopped {
          return nil
        }
      }
    }
    guard let found else { return nil }
    try RunStore.adopt(found.rung.label, seed, rates: learningRates, in: directory)
    let plan = try written(
      planner.plan(of: found.rung, reaching: found.record), by: planner, in: directory)
    return (plan, influence.cost.seconds + found.seconds)
  }

  private static func text(of ladder: GoalLadder) -> String {
    let sets = ladder.rungs.map { rung in
      rung.groups.isEmpty ? rung.name : "\(rung.name) (\(ReportText.grouped(rung.parameterCount)))"
    }
    return "sets from the smallest: " + sets.joined(separator: ", ") + "; at most "
      + "\(Bisection(count: sets.count).trialLimit) of these \(sets.count) are trained"
  }
}
