import PEFTReport
import PEFTRuns
import PEFTStudy
import PEFTTensor

/// Runs the main job and shows its progress; shared by `adapt` and `quickstart`.
struct AdaptSession {
  let job: AdaptJob
  let output: String
  let start: RunStart
  let reusesProbe: Bool
  let common: CommonOptions
  /// The number of lines that the command prints after the answer.
  var linesAfter = 0

  /// The job described by the options.
  static func job(
    _ base: TrainingJob, aim: AdaptationAim, baselines: [String]?,
    comparison: ComparisonOptions, groups: GroupOptions, probe: ProbeOptions,
    training: TrainingOptions
  ) throws -> AdaptJob {
    var job = AdaptJob(base, aim: aim)
    job.choice.influence = try probe.settings(
      groups: groups, seed: base.settings.seed, budget: nil, precision: base.settings.precision,
      candidates: MeasuredChoice.usualCandidates)
    job.settleAfter = probe.settleAfter
    job.baselines = baselines
    job.targets = comparison.targetNames
    job.seeds = comparison.seedList(default: training.seed)
    job.learningRates = comparison.rates(training)
    return job
  }

  /// Runs the job and shows its results.
  func run() throws {
    let steps = StepLine(isQuiet: common.quiet)
    let methods = ComparisonSession(common: common)
    let ending = try job.run(
      in: output, start: start, reusingProbe: reusesProbe,
      shouldStop: { Interruption.isRequested }
    ) { event in
      switch event {
      case .note(let note): common.note(note)
      case .probing(let batches):
        ProbeSession.note(batches, common)
        Interruption.watch()
      case .probe(let event): steps.show(event)
      case .measured(let influence):
        steps.finish()
        ProbeSession.note(influence, common)
      case .planned(let influence, let plan):
        Interruption.watch()
        if common.quiet { return }
        NoiseNote(influence).lines.forEach { common.note($0) }
        InfluenceFigure(influence, plan: plan).lines.forEach { common.show(coloured: $0) }
        PlanTable(plan, of: influence).lines.forEach { common.note($0) }
      case .comparison(let event): methods.show(event)
      }
    }
    switch ending {
    case .finished(let outcome):
      if let goal = outcome.plan.goal, !goal.isReached {
        let full =
          "; the run of full fine-tuning is in \(output)/methods/full/seed-\(job.seeds.first ?? 0)"
        common.note("warning: \(goal.answer)" + (goal.full == nil ? "" : full))
      }
      show(outcome)
    case .stopped: throw Interrupted(run: output)
    case .stoppedEarly:
      steps.finish()
      throw ProbeSession.interruptedEarly
    }
  }

  private func show(_ outcome: AdaptJob.Outcome) {
    if common.json {
      Console.output(
        .object(["plan": outcome.plan.json, "comparison": outcome.comparison.json]))
      return
    }
    answer(outcome, width: Console.width, height: Console.height - linesAfter).forEach {
      Console.output(coloured: $0)
    }
  }

  /// The map, the scores and the answer in words, so that all of it is seen at once on a terminal
  /// of `height` lines, as far as the scores leave room for the map.
  private func answer(_ outcome: AdaptJob.Outcome, width: Int, height: Int) -> [String] {
    let noise = NoiseNote(outcome.influence).lines
    let below =
      (outcome.plan.goal.map { GoalTable($0, width: width).lines } ?? [])
      + ComparisonTable(outcome.comparison, width: width, isBrief: true).lines
      + outcome.comparison.answer.flatMap { ReportText.wrapped($0, to: width, indent: 2) }
      + ReportText.wrapped("run: \(output)   report: \(output)/report.html", to: width, indent: 2)
    let room = height - 1 - noise.count - below.count
    let map = InfluenceFigure(outcome.influence, plan: outcome.plan).lines(height: max(4, room))
    return noise + map + below.map(VisibleText.line)
  }
}
