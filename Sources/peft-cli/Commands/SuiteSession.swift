import Foundation
import PEFTModels
import PEFTRuns
import PEFTStudy
import PEFTTensor

/// Runs a suite and shows its progress.
struct SuiteSession {
  let study: Study
  let output: String
  let overwrite: Bool
  let resume: Bool
  /// The part to run; nil runs the whole suite.
  let share: Share?
  let merge: Bool
  let common: CommonOptions

  /// What one of several processes runs.
  enum Share {
    /// A fixed part of the rows.
    case shard(StudyShard)
    /// Rows that no other process has claimed.
    case claimed

    /// Parses `2/4` or `claim`; nil for anything else.
    init?(_ text: String) {
      if text == "claim" {
        self = .claimed
      } else if let shard = StudyShard(text) {
        self = .shard(shard)
      } else {
        return nil
      }
    }

    var text: String {
      switch self {
      case .shard(let shard): "\(shard.index)/\(shard.count)"
      case .claimed: "claim"
      }
    }
  }

  /// Runs what is missing, and computes the results once everything exists.
  func run() throws {
    try common.start()
    Interruption.watch()
    let ranks = Ranks.collective
    if overwrite { try SuiteJob.check(study) }
    let directory = try openedByAll(ranks)
    let job = try SuiteJob(study, in: directory)
    if !merge {
      let isDone =
        switch share {
        case nil where ranks.count == 1:
          try job.run(shouldStop: { Interruption.isRequested }, observe: observer())
        case .shard(let shard):
          try job.run(shard, shouldStop: { Interruption.isRequested }, observe: observer())
        case nil, .claimed:
          try job.runClaiming(shouldStop: { Interruption.isRequested }, observe: observer())
        }
      if try ranks.any(!isDone) { throw interruption }
      if let share {
        common.note("this part is done; when all parts are, run --merge")
        if common.json {
          Console.output(
            .object(["suite": .string(study.name), "shard": .string(share.text)]))
        }
        return
      }
      guard ranks.rank == 0 else { return }
    }
    let results = try job.results()
    let report = SuiteReport(results)
    try results.writeTable(to: directory.file(StudyResults.tableName))
    try JSONFile.write(report.json, to: directory.file(SuiteReport.summaryName))
    try report.write(to: directory.file(ReportPage.fileName))
    if common.json {
      Console.output(report.json)
    } else {
      report.lines.forEach { Console.output($0) }
      Console.output(
        "results: \(output)/\(StudyResults.tableName)   report: \(output)/\(ReportPage.fileName)")
    }
  }

  /// The directory, which the first process opens before the others.
  private func openedByAll(_ ranks: any Collective) throws -> OutputDirectory {
    guard ranks.count > 1 else {
      return try OutputDirectory.suite(
        output, overwriting: overwrite, resuming: resume || merge || share != nil)
    }
    guard share == nil, !merge else {
      throw InvalidSetting(
        setting: share == nil ? "merge" : "shard",
        "the processes of an MPI job share the rows and collect the results by themselves; leave "
          + "it out")
    }
    let first =
      ranks.rank == 0
      ? try OutputDirectory.suite(output, overwriting: overwrite, resuming: resume) : nil
    try ranks.barrier()
    return try first ?? OutputDirectory.suite(output, overwriting: false, resuming: true)
  }

  private var interruption: InterruptedEarly {
    InterruptedEarly(
      description:
        "interrupted; the current probe or run is lost, and finished ones are in \(output): "
        + "resume with --resume")
  }

  private func observer() -> (StudyEvent) -> Void {
    let total = TotalProgress(isQuiet: common.quiet)
    let line = StepLine(isQuiet: common.quiet, total: total)
    return { event in
      switch event {
      case .row(let row, let number, let count):
        line.finish()
        common.note("\(number)/\(count)  \(row.problem)  \(row.label)")
      case .probe(let problem, let name, let seed):
        common.note("probe \(name) of \(problem), seed \(seed)")
      case .measuring(let event): line.show(event)
      case .run, .searching(.estimated), .searching(.arm): break
      case .searching(.step(_, let report)): line.show("step", report)
      case .progress(let done, let count): total.note(done: done, of: count)
      case .training(.step(let report)): line.show("step", report)
      case .training(.evaluation), .training(.reselection): line.finish()
      case .diverged(let row, let seed, let rate, let error):
        common.note(
          "\(row.label), seed \(seed)" + (rate.map { ", rate \($0)" } ?? "") + ": \(error)")
      }
    }
  }
}
