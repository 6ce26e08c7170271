import PEFTReport
import PEFTRuns
import PEFTStudy
import PEFTTensor

/// Runs a search for settings and shows its progress.
struct TuneSession {
  let file: TuneFile
  let main: TuneCommand.Main
  let common: CommonOptions

  /// The number of trials in the table; the others are in the file.
  private static let shownTrials = 30

  /// Runs what is missing, and shows the results.
  func run() throws {
    try common.start()
    Interruption.watch()
    let directory = try OutputDirectory.search(main.output)
    let job = try SearchJob(
      file.search, in: directory, checkpoints: main.checkpointEvery, job: file.job)
    try directory.beginSearch(overwriting: main.overwrite, resuming: main.resume)
    job.notes.forEach { common.note($0) }
    guard
      let results = try job.run(
        shouldStop: { Interruption.isRequested }, observe: observer(job))
    else {
      throw InterruptedEarly(
        description: "interrupted; the trials so far are in \(main.output): resume with --resume")
    }
    if common.json { return Console.output(results.json) }
    show(results)
  }

  private func show(_ results: SearchResults) {
    results.lines(limit: Self.shownTrials).forEach { Console.output($0) }
    let hidden = results.ranked.count - Self.shownTrials
    let table = "\(main.output)/\(SearchResults.tableName)"
    if hidden > 0 { Console.output("and \(hidden) more in \(table)") }
    func text(_ metrics: [(name: String, value: Double)]) -> String {
      metrics.map { "\($0.name) \(ReportText.metric($0.value))" }.joined(separator: ", ")
    }
    let (steps, seconds) = results.ranked.reduce((0, 0.0)) {
      ($0.0 + $1.steps, $0.1 + $1.seconds)
    }
    Console.output(
      "\(results.ranked.count.grouped) trials, \(steps.grouped) steps in "
        + ProgressLine.duration(seconds))
    let best = results.best
    Console.output("best: trial \(best.number), on dev \(text(best.score?.metrics ?? []))")
    if !results.test.isEmpty { Console.output("on test: \(text(results.test))") }
    Console.output("run: \(main.output)/\(SearchJob.bestName)   trials: \(table)")
    let words = file.arguments(best.values).flatMap { argument in
      argument.split(separator: "=", maxSplits: 1).map(String.init)
    }
    Console.output(
      "the same run again: " + ShellLine.text(of: ["train"] + words + ["--output", "RUN"]))
  }

  private func observer(_ job: SearchJob) -> (SearchEvent) -> Void {
    let total = TotalProgress(isQuiet: common.quiet)
    let line = StepLine(isQuiet: common.quiet, total: total)
    let names = job.search.space.names
    return { event in
      switch event {
      case .note(let text):
        line.finish()
        common.note(text)
      case .begins(let trial, let end):
        let settings = zip(names, trial.values).map { "\($0) \($1)" }.joined(separator: ", ")
        common.note(
          "trial \(trial.number)"
            + (trial.scores.last.map { ", from step \($0.step)" } ?? "") + " to step \(end): "
            + settings)
      case .searching(.step(_, let report)), .training(.step(let report)):
        line.show("step", report)
      case .searching, .training(.evaluation), .training(.reselection): break
      case .judged(let trial):
        line.finish()
        guard let score = trial.score else { return }
        let value = score.metrics.first { $0.name == job.metric.name }?.value ?? .nan
        common.note(
          "trial \(trial.number): \(job.metric.name) \(ReportText.metric(value)) on dev at step "
            + "\(score.step)")
      case .progress(let done, let count): total.note(done: done, of: count)
      }
    }
  }
}
