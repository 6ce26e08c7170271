import PEFTReport
import PEFTRuns
import PEFTStudy
import PEFTTensor

/// Runs a cross-validation and shows its progress and results.
struct FoldSession {
  let job: FoldJob
  let common: CommonOptions

  /// Trains on every fold, and shows the scores.
  func run(to output: String, start: RunStart, checkpoints: Int?) throws {
    Interruption.watch()
    let progress = ProgressLine(isQuiet: common.quiet)
    let results = try job.run(
      in: output, start: start, checkpoints: checkpoints,
      shouldStop: { Interruption.isRequested }
    ) { event in
      switch event {
      case .note(let note): common.note(note)
      case .begins(let fold, let trainable, let parameters):
        if fold.number == 1 {
          common.note(TrainingSession.trainableLine((trainable, parameters)))
        }
        common.note("fold \(fold.number) of \(fold.count)")
      case .searching(let event): progress.show(event)
      case .training(let event): progress.show(event)
      }
    }
    guard let results else { throw Interrupted(run: output) }
    if common.json {
      var document = results.json.object ?? [:]
      document["run"] = .string(output)
      return Console.output(.object(document))
    }
    var table = TextTable(header: ["fold"] + results.summaries.map(\.name))
    for fold in 0..<results.count {
      table.add(["\(fold + 1)"] + results.summaries.map { ReportText.metric($0.values[fold]) })
    }
    table.add(["mean"] + results.summaries.map { ReportText.metric($0.mean) })
    table.add(["± (95 %)"] + results.summaries.map { ReportText.metric($0.margin) })
    table.lines(width: .max).forEach { Console.output($0) }
    Console.output("runs: \(output)/fold-1 to \(output)/fold-\(results.count)")
  }
}
