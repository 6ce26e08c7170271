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

  /// The job described by the options.
  static func job(
    _ base: TrainingJob, budget: ParameterBudget, baselines: [String]?,
    comparison: ComparisonOptions, groups: GroupOptions, probe: ProbeOptions,
    training: TrainingOptions
  ) throws -> AdaptJob {
    var job = AdaptJob(base, budget: budget)
    job.influence = try probe.settings(
      groups: groups, seed: base.settings.seed, budget: nil, precision: base.settings.precision,
      candidates: AdaptJob.usualCandidates)
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
        InfluenceFigure(influence, plan: plan).lines.forEach { common.show(coloured: $0) }
        PlanTable(plan).lines.forEach { common.note($0) }
      case .comparison(let event): methods.show(event)
      }
    }
    switch ending {
    case .finished(let outcome): show(outcome)
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
    ComparisonTable(outcome.comparison).lines.forEach { Console.output($0) }
    Console.output("run: \(output)   report: \(output)/report.html")
  }
}
