import PEFTModels
import PEFTRuns

/// What a suite will take: the memory of its runs, measured on small batches of its data, and the
/// time of them all, measured on whole batches.
public struct SuiteForecast: Sendable {
  /// The number of runs, including those with rates that are only tried.
  public private(set) var runCount = 0
  /// The memory of the largest run or probe, in bytes.
  public private(set) var memoryBytes = 0
  /// The time of all runs one after another in seconds, without evaluations and probes.
  public private(set) var seconds = 0.0

  /// Forecasts a suite. Nothing is written.
  ///
  /// What a probe will choose is not known yet; the forecast takes it to be everything.
  ///
  /// Throws the errors of `SuiteJob`, and `InsufficientMemory` if a run does not fit this machine.
  public init(_ study: Study) throws {
    let problems = Dictionary(
      uniqueKeysWithValues: try SuiteJob.problems(of: study).map { ($0.name, $0) })
    var known: [String: TrainingForecast] = [:]
    for row in try study.rows {
      guard let problem = problems[row.problem] else { continue }
      var job = problem.job
      job.findsRate = row.learningRates.isEmpty
      let method = Self.method(of: row, on: problem)
      job.method = method ?? FullTuning()
      let key = "\(row.problem)/\(method == nil ? "" : row.label)/\(job.findsRate)"
      if known[key] == nil {
        let prepared = try job.prepare(from: problem.inputs)
        let forecast = prepared.forecast(timing: true)
        try forecast.memory.check()
        known[key] = forecast
        let probe = Self.probe(of: row, in: study, for: prepared)
        memoryBytes = max(
          memoryBytes, forecast.memory.totalBytes,
          probe.map { prepared.memoryForecast($0).totalBytes } ?? 0)
      }
      let runs = study.runCount(of: row)
      runCount += runs
      seconds += Double(runs) * (known[key]?.seconds(findingRate: job.findsRate) ?? 0)
    }
  }

  /// What a row trains, if that is known before anything is measured.
  private static func method(
    of row: StudyRow, on problem: StudyProblem
  ) -> (any AdaptationMethod)? {
    switch row.content {
    case .fixed(let method): method
    case .lastLayers(let count): problem.lastLayers(count)
    case .plan(let plan, _): plan.method
    case .groups(let names, let probe): try? problem.groups(names, probe: probe)
    case .selection, .measured: nil
    }
  }

  /// The settings of the probe that a row needs; nil if it needs none.
  private static func probe(
    of row: StudyRow, in study: Study, for prepared: PreparedJob
  ) -> InfluenceSettings? {
    switch row.content {
    case .selection(let choice): study.probes[choice.probe]
    case .measured(let choice): choice.settings(for: prepared, budgets: [])
    case .fixed, .lastLayers, .plan, .groups: nil
    }
  }
}
