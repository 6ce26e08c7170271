import Foundation
import PEFTModels
import PEFTNetwork
import PEFTRuns
import PEFTSelect
import PEFTStudy
import PEFTTensor
import PEFTTrain

/// The main job as the user sees it; `adapt` and `quickstart` share it.
struct AdaptSession {
  let base: TrainingJob
  let output: String
  let overwrite: Bool
  let resume: Bool
  let reuseProbe: Bool
  /// The baselines; nil for the usual ones.
  let names: [String]?
  let budget: Budget
  let comparison: ComparisonOptions
  let groups: GroupOptions
  let probe: ProbeOptions
  let training: TrainingOptions
  let common: CommonOptions

  /// Adapters of several sizes, so that a small budget can be used up.
  private static let usualCandidates = AdapterCandidates(ranks: [1, 2, 4, 8, 16])

  /// Probes, selects, trains the selection and the baselines, and writes the report.
  func run() throws {
    let prepared = try base.prepare()
    prepared.notes.forEach { common.note($0) }
    let names = try ComparisonSession.names(
      self.names, usual: ["lora", "bitfit", "head"], for: prepared)
    let budget = self.budget.count(of: prepared.counts.parameters)
    if !reuseProbe { try prepared.checkBudget(budget, settings(budget)) }
    let directory = try OutputDirectory.adaptation(
      output, overwriting: overwrite, resuming: resume, reusingProbe: reuseProbe)
    let influence = try influence(of: prepared, budget: budget, in: directory)
    let start = ContinuousClock.now
    let planner = Planner(influence)
    var plan =
      probe.interactions
      ? try planner.interactingPlan(budget: budget)
      : try planner.plan(budget: budget, seed: base.settings.seed)
    let frontier = try planner.frontier()
    let probeSeconds = influence.cost.seconds + (ContinuousClock.now - start) / .seconds(1)
    plan.files[Influence.fileName] = try Fingerprint.file(Influence.path(output))
    try plan.write(frontier, in: directory)
    if !common.quiet {
      InfluenceFigure(influence, plan: plan).lines.forEach { common.show(coloured: $0) }
      PlanTable(plan).lines.forEach { common.note($0) }
    }
    let session = ComparisonSession(
      job: ComparisonJob(
        base: base, seeds: comparison.seedList(default: training.seed),
        learningRates: comparison.rates(training)),
      prepared: prepared, common: common, output: directory, isResuming: resume)
    var result = Comparison(
      modelParameters: prepared.counts.parameters, budget: budget,
      metric: prepared.task.primaryMetric)
    let candidates =
      [session.candidate(plan, probeSeconds: probeSeconds)]
      + names.map { session.candidate($0, budget: budget, targets: comparison.targetNames) }
    for (position, candidate) in candidates.compactMap(\.self).enumerated() {
      guard let entry = try session.train(candidate, isMain: position == 0) else {
        throw Interrupted(run: output)
      }
      result.entries.append(entry)
      try result.write(in: directory)
      try ReportPage.write(directory)
    }
    show(result, plan)
  }

  private func influence(
    of prepared: PreparedJob, budget: Int, in directory: OutputDirectory
  ) throws -> Influence {
    let path = output + "/" + Influence.fileName
    if reuseProbe || resume, FileManager.default.fileExists(atPath: path) {
      let found = try Influence.read(path)
      if resume, found.isComplete {
        try prepared.job.check(found, isOf: try settings(budget), path: path)
      }
      if found.isComplete, try found.isOf(prepared.files) {
        common.note("using the influences in \(path)")
        try ProbeCheckpoint.remove(from: directory)
        return found
      }
      common.note(
        "\(path) is incomplete or belongs to another model; "
          + (resume ? "resuming the probe" : "probing again"))
    }
    let (influence, isInterrupted) = try ProbeSession(prepared: prepared, common: common).measure(
      try settings(budget), savingIn: directory, resuming: resume)
    try JSONFile.write(influence.json, to: directory.file(Influence.fileName))
    if influence.isComplete { try ProbeCheckpoint.remove(from: directory) }
    if isInterrupted { throw Interrupted(run: output) }
    return influence
  }

  private func settings(_ budget: Int) throws -> InfluenceSettings {
    try probe.settings(
      groups: groups, seed: base.settings.seed, budget: budget,
      precision: base.settings.precision, candidates: Self.usualCandidates)
  }

  private func show(_ result: Comparison, _ plan: Plan) {
    if common.json {
      Console.output(.object(["plan": plan.json, "comparison": result.json]))
      return
    }
    ComparisonTable(result).lines.forEach { Console.output($0) }
    Console.output("run: \(output)   report: \(output)/report.html")
  }
}
