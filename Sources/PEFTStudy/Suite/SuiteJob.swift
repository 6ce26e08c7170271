import PEFTModels
import PEFTRuns
import PEFTTensor

/// Runs a suite, a study of several problems, in a directory. Existing results made with the same
/// recipe are not repeated.
///
/// Several processes may work in one directory, each on its own shard.
public struct SuiteJob {
  /// The directory of the suite.
  public let output: OutputDirectory
  private let job: StudyJob
  private let store: CellStore

  /// The suite.
  public var study: Study { job.study }
  /// All rows.
  public var rows: [StudyRow] { job.rows }

  /// Reads models and data, so that errors in them are found before anything runs.
  public init(_ study: Study, in output: OutputDirectory) throws {
    self.output = output
    store = CellStore(output: output)
    try study.checkProblems()
    var files: [String: ModelFiles] = [:]
    var problems: [StudyProblem] = []
    for problem in study.problems {
      let directory = problem.job.modelDirectory
      let read = try StudyProblem(problem, of: study, files: files[directory])
      guard read.inputs.dev != nil, read.inputs.test != nil else {
        throw InvalidSetting(
          "\(problem.job.trainPath): a suite needs dev and test data of every task: learning rates "
            + "are chosen on the dev data, and methods are compared on the test data")
      }
      files[directory] = read.inputs.files
      problems.append(read)
    }
    job = try StudyJob(study, on: problems, in: store)
  }

  /// Runs the rows of a shard, and then its part of the probes that no method uses.
  ///
  /// - Returns: whether the shard was finished; false if `shouldStop` ended it, in which case the
  ///   current run is lost.
  public func run(
    _ shard: StudyShard = .whole, shouldStop: () -> Bool, observe: (StudyEvent) -> Void
  ) throws -> Bool {
    let own = rows.indices.filter(shard.holds)
    let total = own.reduce(0) { $0 + job.runCount(of: rows[$1]) }
    var done = 0
    for position in own {
      let row = rows[position]
      observe(.row(row, number: position + 1, of: rows.count))
      let trials = try job.trials(
        of: row, after: done, of: total, shouldStop: shouldStop, observe: observe)
      if trials == nil { return false }
      done += job.runCount(of: row)
    }
    for (position, probe) in unusedProbes.enumerated() where shard.holds(rows.count + position) {
      let found = try job.influence(
        probe.name, on: probe.problem, seed: probe.seed, shouldStop: shouldStop, observe: observe)
      if found == nil { return false }
    }
    return true
  }

  private var unusedProbes: [(name: String, problem: StudyProblem, seed: UInt64)] {
    study.problems.compactMap { job.problems[$0.name] }.flatMap { problem in
      study.unusedProbes.flatMap { name in study.seeds.map { (name, problem, $0) } }
    }
  }

  /// The results of all rows. Throws `notFound` if rows are incomplete, with their number.
  public func results() throws -> StudyResults {
    var results: [StudyResults.Entry] = []
    var missing: [String] = []
    for row in rows {
      if let trials = try job.trials(of: row, found: store.found) {
        results.append(StudyResults.Entry(row: row, trials: trials))
      } else {
        missing.append("\(row.problem)/\(row.label)")
      }
    }
    guard missing.isEmpty else {
      throw FileError(
        .notFound, path: output.path, place: missing[0],
        reason: "\(missing.count) of \(rows.count) rows are not complete; this is the first",
        remedy: "run the missing shards, or all of them with `resume`")
    }
    var found = StudyResults(
      study: study, metrics: job.problems.mapValues(\.metric),
      parameters: job.problems.mapValues(\.parameters),
      heads: job.problems.mapValues(\.headParameters), entries: results)
    found.baselines = job.problems.mapValues {
      $0.inputs.baselines(from: $0.inputs.trainingTargets)
    }
    return found
  }
}
