import PEFTModels
import PEFTRuns

/// Trains sets of a ladder to find the smallest that reaches a goal, and full fine-tuning first if
/// the goal is a share of it.
struct GoalSearch {
  /// What has to be reached.
  let goal: Goal
  /// The sets.
  let ladder: GoalLadder
  /// The name of the primary metric.
  let metric: String
  /// The number of dev rows.
  let rowCount: Int
  /// The number of parameters of the head.
  let headParameters: Int

  /// What the search found.
  struct Outcome {
    /// What was tried and what is chosen.
    let record: GoalRecord
    /// The chosen set.
    let rung: GoalLadder.Rung
    /// The time of all runs but that of the chosen set, in seconds.
    let seconds: Double
  }

  /// The methods to train, the sets by the `planner` that made them.
  func methods(by planner: Planner) -> [Study.Method] {
    (goal.isRelative ? [Study.Method(name: FullTuning.name, kind: .fixed(FullTuning()))] : [])
      + ladder.rungs.map { Study.Method(name: $0.label, kind: .fixed(planner.method(of: $0))) }
  }

  /// Searches by bisection, with the results of `runs`.
  ///
  /// Throws `GoalRuns.Stopped` and what the runs throw.
  func run(_ runs: GoalRuns, note: (String) -> Void) throws -> Outcome {
    var search = Bisection(count: ladder.rungs.count)
    let full =
      goal.isRelative
      ? try runs.train(FullTuning.name, done: 0, rest: search.trialLimit) : nil
    let before = full == nil ? 0 : 1
    var (trained, trials): ([GoalRuns.Trained], [GoalRecord.Trial]) = ([], [])
    while let index = search.next {
      let rung = ladder.rungs[index]
      let found = try runs.train(
        rung.label, done: before + trained.count, rest: search.trialLimit - 1)
      let trial = GoalRecord.Trial(
        name: rung.name, parameters: rung.parameterCount, score: found.scores.whole,
        test: found.run[metric, "test"],
        range: range(of: found.scores.resampled, full: full?.scores.resampled))
      trained.append(found)
      trials.append(trial)
      let record = record(trials, full: full)
      note(record.result(of: trial))
      search.record(index, reaches: record.reaches(trial))
    }
    var record = record(trials, full: full)
    let name = record.chosen.name
    guard let rung = ladder.rungs.first(where: { $0.name == name }) else {
      preconditionFailure("GoalSearch: the ladder has no set \(name)")
    }
    if let test = try runs.testScores(of: rung.label) {
      record.testRange = range(
        of: test, full: try full.flatMap { try runs.testScores(of: $0.name) })
    }
    return Outcome(
      record: record, rung: rung,
      seconds: (trained.filter { $0.name != rung.label } + [full].compactMap(\.self))
        .reduce(0) { $0 + $1.seconds })
  }

  private func record(_ trials: [GoalRecord.Trial], full: GoalRuns.Trained?) -> GoalRecord {
    GoalRecord(
      goal: goal, metric: metric, rowCount: rowCount, headParameters: headParameters,
      full: full.map { full in
        GoalRecord.Full(
          parameters: full.run.trainable, score: full.scores.whole, test: full.run[metric, "test"])
      }, ladder: ladder.rungs.map(\.name), trials: trials)
  }

  /// The range of what the goal is about, over resamples.
  private func range(of scores: [Double], full: [Double]?) -> ClosedRange<Double> {
    MetricResamples.range(
      of: scores.indices.map { goal.measure(scores[$0], full: full?[$0]) })
  }
}
