import Foundation
import PEFTModels
import PEFTTensor
import PEFTTrain

/// A suite as the user sees it.
struct SuiteSession {
  let suite: ComparisonSuite
  let output: String
  let overwrite: Bool
  let resume: Bool
  /// The part to run; nil runs all of it.
  let shard: SuiteShard?
  let merge: Bool
  let common: CommonOptions

  /// Runs what is missing, and makes the results where all is there.
  func run() throws {
    try common.start()
    Interruption.watch()
    let lock = try merge ? nil : prepareOutput()
    defer { withExtendedLifetime(lock) {} }
    let job = try SuiteJob(suite, in: output)
    if !merge {
      guard
        try job.run(
          shard ?? .whole, shouldStop: { Interruption.isRequested }, observe: observer())
      else { throw interruption }
      if let shard {
        common.note("this part is done; when all are: --merge")
        if common.json {
          Console.output(
            .object([
              "suite": .string(suite.name), "shard": .string("\(shard.index)/\(shard.count)"),
            ]))
        }
        return
      }
    }
    let results = try job.results()
    guard
      let claims = try job.claims(
        results, shouldStop: { Interruption.isRequested }, observe: observer())
    else { throw interruption }
    let report = SuiteReport(results, claims)
    try results.writeTable(to: output + "/" + SuiteResults.tableName)
    try JSONFile.write(report.json, to: output + "/" + SuiteReport.summaryName)
    try report.write(to: output + "/" + ReportPage.fileName)
    if common.json {
      Console.output(report.json)
    } else {
      report.lines.forEach { Console.output($0) }
      Console.output(
        "results: \(output)/\(SuiteResults.tableName)   report: \(output)/\(ReportPage.fileName)")
    }
  }

  private var interruption: InterruptedEarly {
    InterruptedEarly(
      description:
        "interrupted; the probe or run in hand is lost, those that ended are in \(output): go on with "
        + "--resume")
  }

  /// Makes the directory; processes of several shards may begin in it together.
  ///
  /// - Returns: what keeps one away that would replace what is there.
  private func prepareOutput() throws -> DirectoryLock {
    let isBegun = FileManager.default.fileExists(atPath: output + "/cells")
    if isBegun, !resume, !overwrite, shard == nil {
      throw FileError(
        .storage, path: output, reason: "there is a suite in it already",
        remedy: "go on with it by --resume, replace it by --overwrite, or name another directory")
    }
    if overwrite, FileManager.default.fileExists(atPath: output) {
      let alone = try DirectoryLock(output)
      defer { withExtendedLifetime(alone) {} }
      for name in ["cells", "probes", SuiteResults.tableName, SuiteReport.summaryName] {
        try? FileManager.default.removeItem(atPath: output + "/" + name)
      }
    }
    try OutputDirectory.create(output, replacing: [], overwriting: false)
    return try DirectoryLock(output, isShared: true)
  }

  private func observer() -> (SuiteJob.Event) -> Void {
    let line = StepLine(isQuiet: common.quiet)
    return { event in
      switch event {
      case .row(let row, let number, let count):
        line.finish()
        common.note("\(number)/\(count)  \(row.problem)  \(row.label)")
      case .probe(let problem, let name, let seed):
        common.note("probe \(name) of \(problem), seed \(seed)")
      case .measuring(let event): line.show(event)
      case .run: break
      case .training(.step(let report)): line.show("step", report)
      case .training(.evaluation): line.finish()
      case .diverged(let row, let seed, let rate, let error):
        common.note("\(row.label), seed \(seed), rate \(rate): \(error)")
      }
    }
  }
}
