import Glibc
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
    job = try StudyJob(study, on: Self.problems(of: study), in: store)
  }

  /// Throws the errors of `init`. A directory that is to be replaced is opened only after this.
  public static func check(_ study: Study) throws {
    _ = try StudyJob.rows(of: study, on: problems(of: study))
  }

  /// The problems of a suite, with their files read.
  static func problems(of study: Study) throws -> [StudyProblem] {
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
    return problems
  }

  /// Runs the rows of a shard, and then its part of the probes that no method uses.
  ///
  /// - Returns: whether the shard was finished; false if `shouldStop` ended it, in which case the
  ///   current run is lost.
  public func run(
    _ shard: StudyShard = .whole, shouldStop: () -> Bool, observe: (StudyEvent) -> Void
  ) throws -> Bool {
    let own = work.indices.filter(shard.holds)
    let total = own.reduce(0) { $0 + runCount(of: work[$1]) }
    var done = 0
    for position in own {
      guard
        try finish(
          work[position], after: done, of: total, shouldStop: shouldStop, observe: observe)
      else { return false }
      done += runCount(of: work[position])
    }
    return true
  }

  /// Runs whatever no other process has claimed, until everything is complete. The work of a
  /// process that ends is taken over by another.
  ///
  /// - Returns: whether everything is complete; false if `shouldStop` ended it, in which case the
  ///   current run is lost.
  public func runClaiming(
    shouldStop: () -> Bool, observe: (StudyEvent) -> Void
  ) throws -> Bool {
    let total = work.reduce(0) { $0 + runCount(of: $1) }
    var (rest, done) = (work, 0)
    while !rest.isEmpty {
      var busy: [Work] = []
      for item in rest {
        if shouldStop() { return false }
        // The lock is held while the work is done.
        let lock = try isComplete(item) ? nil : output.claim(work: claimName(of: item))
        if lock == nil, try !isComplete(item) {
          busy.append(item)
          continue
        }
        guard
          try finish(item, after: done, of: total, shouldStop: shouldStop, observe: observe)
        else { return false }
        done += runCount(of: item)
        withExtendedLifetime(lock) {}
      }
      // The others may still end before they have finished what they claimed.
      if busy.count == rest.count { usleep(500_000) }
      rest = busy
    }
    return true
  }

  /// What one process does at a time.
  private enum Work {
    /// The row at a position.
    case row(Int)
    /// The probe, which no method uses, at a position.
    case probe(Int)
  }

  private var work: [Work] {
    rows.indices.map { .row($0) } + unusedProbes.indices.map { .probe($0) }
  }

  private func runCount(of work: Work) -> Int {
    if case .row(let position) = work { job.runCount(of: rows[position]) } else { 0 }
  }

  private func claimName(of work: Work) -> String {
    switch work {
    case .row(let position): "claims/cells/\(rows[position].problem)/\(rows[position].label)"
    case .probe(let position): "claims/probes/\(position)"
    }
  }

  private func isComplete(_ work: Work) throws -> Bool {
    switch work {
    case .row(let position): try job.trials(of: rows[position], found: store.found) != nil
    case .probe(let position): store.hasProbe(unusedProbes[position])
    }
  }

  /// Does the work, or reads its results if they are there; false if it was stopped.
  private func finish(
    _ work: Work, after done: Int, of total: Int, shouldStop: () -> Bool,
    observe: (StudyEvent) -> Void
  ) throws -> Bool {
    switch work {
    case .row(let position):
      observe(.row(rows[position], number: position + 1, of: rows.count))
      return try job.trials(
        of: rows[position], after: done, of: total, shouldStop: shouldStop, observe: observe)
        != nil
    case .probe(let position):
      let probe = unusedProbes[position]
      return try job.influence(
        probe.name, on: probe.problem, seed: probe.seed, shouldStop: shouldStop, observe: observe)
        != nil
    }
  }

  private var unusedProbes: [CellStore.Probe] {
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
