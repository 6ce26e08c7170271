import Foundation
import PEFTModels
import PEFTSelect
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
  let comparison: ComparisonOptions
  let groups: GroupOptions
  let probe: ProbeOptions
  let training: TrainingOptions
  let common: CommonOptions

  /// What another run leaves behind, the probe first.
  static let files =
    probeFiles + [
      RunManifest.fileName, Plan.fileName, Comparison.fileName, CheckpointStore.manifestName,
    ]
  private static let probeFiles = [Influence.fileName, ProbeCheckpoint.manifestName]

  /// Adapters of several sizes, so that a small budget can be used up.
  private static let usualCandidates = AdapterCandidates(ranks: [1, 2, 4, 8, 16])

  /// Probes, selects, trains the selection and the baselines, and writes the report.
  func run() throws {
    let prepared = try base.prepare()
    prepared.notes.forEach { common.note($0) }
    let names = try ComparisonSession.names(
      self.names, usual: ["lora", "bitfit", "head"], for: prepared)
    let budget = comparison.budget?.count(of: prepared.counts.parameters) ?? 0
    if !reuseProbe { try prepared.checkBudget(budget, settings(budget)) }
    let old = resume ? [] : Self.files.filter { !(reuseProbe && Self.probeFiles.contains($0)) }
    try OutputDirectory.create(output, replacing: old, overwriting: overwrite)
    let influence = try influence(of: prepared, budget: budget)
    let start = ContinuousClock.now
    let planner = Planner(influence)
    let plan =
      probe.interactions
      ? try planner.interactingPlan(budget: budget)
      : try planner.plan(budget: budget, seed: base.settings.seed)
    let frontier = try planner.frontier()
    let probeSeconds = influence.cost.seconds + (ContinuousClock.now - start) / .seconds(1)
    try JSONFile.write(plan.json, to: output + "/" + Plan.fileName)
    try FrontierFile.write(
      frontier, of: plan.modelParameters, to: output + "/" + FrontierFile.fileName)
    if !common.quiet {
      InfluenceFigure(influence, plan: plan).lines.forEach { common.note($0) }
      PlanTable(plan).lines.forEach { common.note($0) }
    }
    let session = ComparisonSession(
      job: ComparisonJob(
        base: base, seeds: comparison.seedList(default: training.seed),
        learningRates: comparison.rates(training)),
      prepared: prepared, common: common, output: output,
      start: resume ? .resuming : .overwriting)
    var result = Comparison(
      modelParameters: prepared.counts.parameters, budget: budget,
      metric: PrimaryMetric(of: prepared.task))
    let candidates =
      [session.candidate(plan, probeSeconds: probeSeconds)]
      + names.map { session.candidate($0, budget: budget, targets: comparison.targetNames) }
    for (position, candidate) in candidates.compactMap(\.self).enumerated() {
      guard let entry = try session.train(candidate, main: position == 0 ? output : nil) else {
        throw Interrupted(run: output)
      }
      result.entries.append(entry)
      try JSONFile.write(result.json, to: output + "/" + Comparison.fileName)
      try result.writeTable(to: output + "/" + Comparison.tableName)
      try ReportPage.write(output)
    }
    show(result, plan)
  }

  private func influence(of prepared: PreparedJob, budget: Int) throws -> Influence {
    let path = output + "/" + Influence.fileName
    if reuseProbe || resume, FileManager.default.fileExists(atPath: path) {
      let found = try Influence.read(path)
      if resume, found.isComplete {
        try prepared.job.check(found, isOf: try settings(budget), path: path)
      }
      if found.isComplete, try found.isOf(prepared.files) {
        common.note("taking the influences of \(path)")
        return found
      }
      common.note(
        "\(path) is incomplete or of another model; " + (resume ? "going on" : "probing again"))
    }
    let (influence, isInterrupted) = try ProbeSession(prepared: prepared, common: common).measure(
      try settings(budget), savingIn: output, resuming: resume)
    try JSONFile.write(influence.json, to: path)
    if influence.isComplete { ProbeCheckpoint.remove(from: output) }
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
