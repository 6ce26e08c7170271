import Foundation
import PEFTModels
import PEFTNetwork
import PEFTRuns
import PEFTSelect
import PEFTTensor
import PEFTTrain

/// Runs a suite in a directory:
///
///     probes/PROBLEM/PROBE/seed-S.json           what probes found
///     cells/PROBLEM/ROW/seed-S-rate-R.json       one training run each
///     cells/PROBLEM/ROW/seed-S-plan.json         what a selection chose
///
/// What is there already, made by the same recipe, is not made again. Several processes may
/// work in one directory on shards of their own; a probe that two of them need is made by one
/// while the other waits.
public struct SuiteJob {
  /// The suite.
  public let suite: ComparisonSuite
  /// Where everything goes.
  public let output: OutputDirectory
  private var directory: String { output.path }
  /// Every row.
  public let rows: [SuiteRow]
  private let bases: [String: SuiteBase]

  /// What a suite tells while it goes.
  public enum Event {
    /// A row begins.
    case row(SuiteRow, number: Int, of: Int)
    /// A probe begins.
    case probe(problem: String, name: String, seed: UInt64)
    /// A probe goes on.
    case measuring(InfluenceEvent)
    /// A training run begins.
    case run(SuiteRow, seed: UInt64, learningRate: Double)
    /// A training run goes on.
    case training(TrainingEvent)
    /// A training run ended without a result.
    case diverged(SuiteRow, seed: UInt64, learningRate: Double, NonFiniteLoss)
  }

  /// Reads models and data, so that what is wrong with them is known before anything runs.
  public init(_ suite: ComparisonSuite, in output: OutputDirectory) throws {
    self.suite = suite
    self.output = output
    try suite.checkProblems()
    var bases: [String: SuiteBase] = [:]
    for problem in suite.problems {
      bases[problem.name] = try SuiteBase(problem.job, rules: suite.subsetRules)
    }
    self.bases = bases
    rows = try suite.rows { bases[$0]?.groups[$1] ?? [] }
    try ComparisonSuite.check(rows)
  }

  /// Runs the rows of a shard.
  ///
  /// - Returns: whether it came to its end; false where `shouldStop` ended it, with the loss
  ///   of the run in hand.
  public func run(
    _ shard: SuiteShard = .whole, shouldStop: () -> Bool, observe: (Event) -> Void
  ) throws -> Bool {
    for (position, row) in rows.enumerated() where shard.holds(position) {
      observe(.row(row, number: position + 1, of: rows.count))
      if try runs(of: row, shouldStop: shouldStop, observe: observe) == nil { return false }
    }
    return true
  }

  /// Trains what is missing of a row; nil where it was stopped.
  private func runs(
    of row: SuiteRow, shouldStop: () -> Bool, observe: (Event) -> Void
  ) throws -> [SuiteRun]? {
    var choices: [UInt64: Choice] = [:]
    return try collect(row) { seed, rate in
      try train(
        row, seed: seed, rate: rate, choices: &choices, shouldStop: shouldStop, observe: observe)
    }
  }

  /// A row's runs: every rate with the first seeds, then the best of them with the others. `cell`
  /// makes or reads a run; where it gives nil, so does this.
  private func collect(
    _ row: SuiteRow, _ cell: (UInt64, Double) throws -> SuiteCell?
  ) throws -> [SuiteRun]? {
    guard let metric = bases[row.problem]?.metric else { return [] }
    let seeds = row.isRepeated ? suite.seeds : Array(suite.seeds.prefix(1))
    let trialSeeds = seeds.prefix(suite.rateSeedCount)
    var trials: [[SuiteCell]] = []
    for rate in suite.learningRates {
      var cells: [SuiteCell] = []
      for seed in trialSeeds {
        guard let found = try cell(seed, rate) else { return nil }
        cells.append(found)
      }
      trials.append(cells)
    }
    func score(_ cells: [SuiteCell]) -> Double {
      cells.reduce(0) { sum, cell in
        sum + metric.score(cell.metrics.first { $0.split == "dev" }?.values ?? [])
      }
    }
    // The first of equals, as max(by:) takes it.
    let best = trials.indices.max { score(trials[$0]) < score(trials[$1]) } ?? 0
    var runs = trials.enumerated().flatMap { number, cells in
      cells.map { SuiteRun(cell: $0, isChosen: number == best) }
    }
    for seed in seeds.dropFirst(trialSeeds.count) {
      guard let found = try cell(seed, suite.learningRates[best]) else { return nil }
      runs.append(SuiteRun(cell: found, isChosen: true))
    }
    return runs
  }

  /// The results of every row. Throws `notFound` where a run is missing, and says how many are.
  public func results() throws -> SuiteResults {
    var results: [SuiteResults.Entry] = []
    var missing: [String] = []
    for row in rows {
      let runs = try collect(row) { seed, rate in
        let path = cellPath(row, seed, rate)
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        let plan = "\(directory)/\(rowDirectory(row))/seed-\(seed)-\(Plan.fileName)"
        if try DirectoryHandle.entry(plan) != nil { _ = try Plan.read(plan) }
        return try SuiteCell(path, recipe: recipe(row, seed, rate))
      }
      if let runs {
        results.append(SuiteResults.Entry(row: row, runs: runs))
      } else {
        missing.append("\(row.problem)/\(row.label)")
      }
    }
    guard missing.isEmpty else {
      throw FileError(
        .notFound, path: directory, place: missing[0],
        reason: "\(missing.count) of \(rows.count) rows are not complete; this is the first",
        remedy: "run the missing shards, or all of them with `resume`")
    }
    return SuiteResults(
      suite: suite, metrics: bases.mapValues(\.metric), entries: results)
  }

  // MARK: - Training

  /// What a row trains with a seed, and what it took to choose.
  private typealias Choice = (method: any AdaptationMethod, plan: Plan?, seconds: Double)

  private func train(
    _ row: SuiteRow, seed: UInt64, rate: Double, choices: inout [UInt64: Choice],
    shouldStop: () -> Bool, observe: (Event) -> Void
  ) throws -> SuiteCell? {
    let recipe = try recipe(row, seed, rate)
    // A process that was given the same rows makes what this one has not made meanwhile.
    guard
      let place = try output.subdirectory(
        rowDirectory(row), as: .suite, waitingUnless: shouldStop)
    else { return nil }
    let path = cellPath(row, seed, rate)
    if FileManager.default.fileExists(atPath: path) { return try SuiteCell(path, recipe: recipe) }
    if shouldStop() { return nil }
    guard var job = base(row.problem)?.job,
      let choice = try choices[seed]
        ?? choice(row, seed: seed, shouldStop: shouldStop, observe: observe)
    else { return nil }
    choices[seed] = choice
    job.settings.seed = seed
    job.settings.learningRate = rate
    job.method = choice.method
    job.plannedModel = choice.plan?.model
    observe(.run(row, seed: seed, learningRate: rate))
    if let plan = choice.plan {
      try plan.write(to: place.file("seed-\(seed)-\(Plan.fileName)"))
    }
    // What the runs and probes before left does not count.
    TensorMemory.releaseUnused()
    _ = Processor.resetPeakResidentBytes()
    let prepared = try job.prepare()
    try prepared.forecast(timing: false).memory.check()
    let cell: SuiteCell?
    do {
      cell = try prepared.cell(
        recipe: recipe, probeSeconds: choice.seconds,
        parameters: base(row.problem)?.parameters ?? 1,
        scratch: place, shouldStop: shouldStop
      ) { observe(.training($0)) }
    } catch let error as NonFiniteLoss {
      observe(.diverged(row, seed: seed, learningRate: rate, error))
      cell = prepared.cell(
        recipe: recipe, probeSeconds: choice.seconds,
        parameters: base(row.problem)?.parameters ?? 1)
    }
    if let cell { try JSONFile.write(cell.json, to: place.file(cellName(seed, rate))) }
    return cell
  }

  /// What a row trains with a seed; nil where its probe was stopped.
  private func choice(
    _ row: SuiteRow, seed: UInt64, shouldStop: () -> Bool, observe: (Event) -> Void
  ) throws -> Choice? {
    guard let base = base(row.problem) else { return nil }
    switch row.content {
    case .fixed(let method): return (method, nil, 0)
    case .lastLayers(let count):
      return (SelectedTuning(members: base.lastLayers(count)), nil, 0)
    case .subset(let names, let probe):
      let groups = base.groups[probe] ?? []
      let chosen = groups.filter { names.contains($0.name) }
      return (SelectedTuning(members: chosen.flatMap(\.members)), nil, 0)
    case .selection(let choice):
      guard
        let influence = try influence(
          choice.probe, problem: row.problem, seed: seed, shouldStop: shouldStop, observe: observe)
      else { return nil }
      let start = ContinuousClock.now
      let budget = Int(saturating: (row.budget ?? 1) * Double(base.parameters))
      let plan = try choice.plan(influence, budget: budget, seed: seed)
      let seconds = influence.cost.seconds + (ContinuousClock.now - start) / .seconds(1)
      return (plan.method, plan, seconds)
    }
  }

  // MARK: - Probing

  /// What a probe found, made where it is not there yet; nil where it was stopped.
  public func influence(
    _ name: String, problem: String, seed: UInt64, shouldStop: () -> Bool = { false },
    observe: (Event) -> Void = { _ in }
  ) throws -> Influence? {
    guard let settings = suite.probes[name], var job = base(problem)?.job else { return nil }
    guard
      let place = try output.subdirectory(
        "probes/\(problem)/\(name)", as: .suite, waitingUnless: shouldStop)
    else { return nil }
    let path = try place.file("seed-\(seed).json")
    job.settings.seed = seed
    var seeded = settings
    seeded.probe.seed = seed
    if FileManager.default.fileExists(atPath: path) {
      let found = try Influence.read(path)
      try job.check(found, isOf: seeded, path: path)
      return found
    }
    observe(.probe(problem: problem, name: name, seed: seed))
    guard
      let found = try job.prepare().measureInfluence(
        seeded, shouldStop: shouldStop, observe: { observe(.measuring($0)) }),
      found.isComplete
    else { return nil }
    try JSONFile.write(found.json, to: path)
    return found
  }

  // MARK: - Files

  private func base(_ problem: String) -> SuiteBase? { bases[problem] }

  private func rowDirectory(_ row: SuiteRow) -> String {
    "cells/\(row.problem)/\(row.label)"
  }

  /// Swift prints the shortest decimal that reads back as the same Double, so each rate has one
  /// name.
  private func cellName(_ seed: UInt64, _ rate: Double) -> String {
    "seed-\(seed)-rate-\(rate).json"
  }

  private func cellPath(_ row: SuiteRow, _ seed: UInt64, _ rate: Double) -> String {
    "\(directory)/\(rowDirectory(row))/\(cellName(seed, rate))"
  }

  /// Everything that distinguishes this run: settings and digests of its inputs.
  private func recipe(_ row: SuiteRow, _ seed: UInt64, _ rate: Double) throws -> JSONObject {
    var recipe = base(row.problem)?.recipe ?? [:]
    recipe["seed"] = .string(String(seed))
    recipe["learningRate"] = .number(rate)
    recipe["budget"] = row.budget.map { .number($0) }
    switch row.content {
    case .fixed(let method): recipe["method"] = MethodCatalogue.standard.json(of: method)
    case .lastLayers(let count): recipe["method"] = SuiteMethodRecord.lastLayers(count)
    case .subset(let names, let probe):
      recipe["method"] = SuiteMethodRecord.groups(names)
      recipe["probe"] = suite.probes[probe]?.patternsDigest.map {
        .object(["patterns": .string($0)])
      }
    case .selection(let choice):
      recipe["method"] = SuiteMethodRecord.selection(
        predictor: choice.predictor, rule: choice.predictor == nil ? choice.rule : nil,
        solver: choice.solver)
      var probe = suite.probes[choice.probe]
      probe?.probe.seed = seed
      recipe["probe"] = probe.map { .object($0.json) }
    }
    return recipe
  }
}
