import PEFTData
import PEFTModels
import PEFTNetwork
import PEFTRuns
import PEFTSelect
import PEFTTensor

/// The engine of comparisons and suites: runs every method with every seed, and searches for
/// learning rates in the same way for all.
struct StudyJob {
  /// The study.
  let study: Study
  /// All rows.
  let rows: [StudyRow]
  /// The problems by name, with their files read.
  let problems: [String: StudyProblem]
  /// The store of the runs.
  let store: any StudyStore

  /// Creates a job on problems whose files are read.
  ///
  /// Throws `InvalidSetting` if two rows would share a directory, for groups that do not exist, and
  /// for methods that do not fit a model.
  init(_ study: Study, on problems: [StudyProblem], in store: any StudyStore) throws {
    self.study = study
    self.problems = Dictionary(uniqueKeysWithValues: problems.map { ($0.name, $0) })
    self.store = store
    rows = try Self.rows(of: study, on: problems)
  }

  /// The rows of a study on problems whose files are read. Throws as `init` does.
  static func rows(of study: Study, on problems: [StudyProblem]) throws -> [StudyRow] {
    let rows = try study.rows
    try Study.check(rows)
    for problem in problems { try problem.check(rows.filter { $0.problem == problem.name }) }
    return rows
  }

  /// The number of runs of a row, including those that only serve to choose the learning rate.
  func runCount(of row: StudyRow) -> Int { study.runCount(of: row) }

  /// The runs of a row: every rate with the first seeds, then the best rate with the other seeds.
  /// Existing runs are not repeated.
  ///
  /// - Parameters:
  ///   - done: the number of runs that were done before.
  ///   - total: the number of runs to do.
  /// - Returns: nil if it was stopped.
  func trials(
    of row: StudyRow, after done: Int, of total: Int, shouldStop: () -> Bool,
    observe: (StudyEvent) -> Void
  ) throws -> [StudyTrial]? {
    guard let problem = problems[row.problem] else { return [] }
    var done = done
    observe(.progress(done: done, of: total))
    var choices: [UInt64: StudyChoice] = [:]
    func choice(_ seed: UInt64) throws -> StudyChoice? {
      if let known = choices[seed] { return known }
      choices[seed] = try self.choice(
        row, on: problem, seed: seed, shouldStop: shouldStop, observe: observe)
      return choices[seed]
    }
    return try trials(of: row, on: problem, choosing: store.choose) { request in
      let run = try store.run(
        request, training: { try choice(request.seed) }, shouldStop: shouldStop, observe: observe)
      if run != nil {
        done += 1
        observe(.progress(done: done, of: total))
      }
      return run
    }
  }

  /// The runs of a row as returned by `found`; nil if it returns nil for one of them.
  func trials(
    of row: StudyRow, found: (StudyRequest) throws -> StudyRun?
  ) throws -> [StudyTrial]? {
    guard let problem = problems[row.problem] else { return [] }
    return try trials(of: row, on: problem, choosing: { _ in }, run: found)
  }

  /// The search for the learning rate. `run` makes or reads a run; if it returns nil, so does this
  /// function.
  ///
  /// Without rates to choose from, every run finds its own.
  private func trials(
    of row: StudyRow, on problem: StudyProblem,
    choosing choose: (StudyRequest) throws -> Void, run: (StudyRequest) throws -> StudyRun?
  ) throws -> [StudyTrial]? {
    let rates: [Double?] = row.learningRates.isEmpty ? [nil] : row.learningRates
    func request(_ seed: UInt64, _ rate: Double?, isTrial: Bool) -> StudyRequest {
      StudyRequest(
        row: row, problem: problem, seed: seed, learningRate: rate, isTrial: isTrial,
        recipe: recipe(row, on: problem, seed, rate))
    }
    let trialSeeds = study.seeds.prefix(study.rateSeedCount)
    var tried: [[StudyRun]] = rates.map { _ in [] }
    for seed in trialSeeds {
      for (number, rate) in rates.enumerated() {
        guard let run = try run(request(seed, rate, isTrial: rates.count > 1)) else { return nil }
        tried[number].append(run)
      }
    }
    /// The sum of the runs' scores on dev by the given metric.
    func score(_ runs: [StudyRun], _ metric: PrimaryMetric) -> Double {
      runs.reduce(0) { sum, run in
        sum + metric.score(run.metrics.first { $0.split == "dev" }?.values ?? [])
      }
    }
    // At equal scores the lower loss decides, and then the first rate, as max(by:) returns it.
    let standings = tried.map { (score($0, problem.metric), score($0, .loss)) }
    let best = rates.indices.max { standings[$0] < standings[$1] } ?? 0
    if rates.count > 1 {
      for seed in trialSeeds { try choose(request(seed, rates[best], isTrial: true)) }
    }
    var trials = tried.enumerated().flatMap { number, runs in
      runs.map { StudyTrial(run: $0, isChosen: number == best) }
    }
    for seed in study.seeds.dropFirst(trialSeeds.count) {
      guard let run = try run(request(seed, rates[best], isTrial: false)) else { return nil }
      trials.append(StudyTrial(run: run, isChosen: true))
    }
    return trials
  }

  /// What a row trains with a seed; nil if its probe was stopped.
  private func choice(
    _ row: StudyRow, on problem: StudyProblem, seed: UInt64, shouldStop: () -> Bool,
    observe: (StudyEvent) -> Void
  ) throws -> StudyChoice? {
    switch row.content {
    case .fixed(let method): return StudyChoice(method: method)
    case .lastLayers(let count): return StudyChoice(method: problem.lastLayers(count))
    case .groups(let names, let probe):
      return StudyChoice(method: try problem.groups(names, probe: probe))
    case .plan(let plan, let seconds):
      return StudyChoice(method: plan.method, plan: plan, seconds: seconds)
    case .selection(let choice):
      guard
        let influence = try influence(
          choice.probe, on: problem, seed: seed, shouldStop: shouldStop, observe: observe)
      else { return nil }
      return try Self.choice(influence) {
        try choice.plan(influence, budget: limit(of: row, on: problem), seed: seed)
      }
    case .measured(let choice):
      var job = problem.job
      job.settings.seed = seed
      let prepared = try job.prepare(from: problem.inputs)
      var settings = choice.settings(for: prepared, budgets: [limit(of: row, on: problem)])
      settings.probe.seed = seed
      guard
        let influence = try store.influence(
          row.label, settings, on: problem, shouldStop: shouldStop, observe: observe)
      else { return nil }
      return try Self.choice(influence) {
        try MeasuredChoice.plan(influence, budget: limit(of: row, on: problem), seed: seed)
      }
    }
  }

  /// The choice of a plan, charged with the time of the probe and of planning.
  private static func choice(_ influence: Influence, plan: () throws -> Plan) throws -> StudyChoice
  {
    let start = ContinuousClock.now
    let plan = try plan()
    let seconds = influence.cost.seconds + (ContinuousClock.now - start) / .seconds(1)
    return StudyChoice(method: plan.method, plan: plan, seconds: seconds)
  }

  /// The number of parameters, including the head, that a row may train.
  private func limit(of row: StudyRow, on problem: StudyProblem) -> Int {
    row.parameterLimit(of: problem.parameters, head: problem.headParameters) ?? problem.parameters
  }

  /// The results of a probe on a problem with a seed; nil if it was stopped.
  func influence(
    _ name: String, on problem: StudyProblem, seed: UInt64, shouldStop: () -> Bool,
    observe: (StudyEvent) -> Void
  ) throws -> Influence? {
    guard var settings = study.probes[name] else { return nil }
    settings.probe.seed = seed
    return try store.influence(
      name, settings, on: problem, shouldStop: shouldStop, observe: observe)
  }

  /// Everything that distinguishes a run: settings and digests of its inputs.
  private func recipe(
    _ row: StudyRow, on problem: StudyProblem, _ seed: UInt64, _ rate: Double?
  ) -> JSONObject {
    var recipe = problem.recipe
    recipe["seed"] = .string(String(seed))
    recipe["learningRate"] = rate.map { .number($0) } ?? .string("auto")
    recipe["budget"] = row.budgetRecord
    switch row.content {
    case .fixed(let method): recipe["method"] = MethodCatalogue.standard.json(of: method)
    case .lastLayers(let count): recipe["method"] = SuiteMethodRecord.lastLayers(count)
    case .groups(let names, let probe):
      recipe["method"] = SuiteMethodRecord.groups(names)
      recipe["probe"] = study.probes[probe]?.patternsDigest.map {
        .object(["patterns": .string($0)])
      }
    case .plan(let plan, _): recipe["method"] = MethodCatalogue.standard.json(of: plan.method)
    case .selection(let choice):
      recipe["method"] = SuiteMethodRecord.selection(
        predictor: choice.predictor, rule: choice.predictor == nil ? choice.rule : nil,
        solver: choice.solver)
      var probe = study.probes[choice.probe]
      probe?.probe.seed = seed
      recipe["probe"] = probe.map { .object($0.json) }
    case .measured(var choice):
      choice.influence.probe.seed = seed
      recipe["method"] = SuiteMethodRecord.measured(
        probeShare: choice.probeShare, warmsUp: choice.warmsUp)
      recipe["probe"] = .object(choice.influence.json)
    }
    return recipe
  }
}
