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
  /// The shard to run; nil runs the whole suite.
  let shard: StudyShard?
  let merge: Bool
  let common: CommonOptions

  /// Runs what is missing, and computes the results once everything exists.
  func run() throws {
    try common.start()
    Interruption.watch()
    let directory = try OutputDirectory.suite(
      output, overwriting: overwrite, resuming: resume || merge || shard != nil)
    let job = try SuiteJob(study, in: directory)
    if !merge {
      guard
        try job.run(
          shard ?? .whole, shouldStop: { Interruption.isRequested }, observe: observer())
      else { throw interruption }
      if let shard {
        common.note("this part is done; when all parts are, run --merge")
        if common.json {
          Console.output(
            .object([
              "suite": .string(study.name), "shard": .string("\(shard.index)/\(shard.count)"),
            ]))
        }
        return
      }
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
      case .training(.evaluation): line.finish()
      case .diverged(let row, let seed, let rate, let error):
        common.note(
          "\(row.label), seed \(seed)" + (rate.map { ", rate \($0)" } ?? "") + ": \(error)")
      }
    }
  }
}
