import PEFTModels
import PEFTRuns
import PEFTStudy
import PEFTTensor

/// Shows the progress of methods that are trained one after another; shared by `compare` and
/// `adapt`.
struct ComparisonSession {
  let common: CommonOptions
  private let total: TotalProgress
  private let progress: ProgressLine

  init(common: CommonOptions) {
    self.common = common
    total = TotalProgress(isQuiet: common.quiet)
    progress = ProgressLine(isQuiet: common.quiet, total: total)
  }

  /// Shows an event.
  func show(_ event: StudyEvent) {
    switch event {
    case .run(let row, let seed, let rate):
      common.note(
        "\(row.label): seed \(seed), " + (rate.map { "learning rate \($0)" } ?? "finding its rate"))
    case .searching(let event): progress.show(event)
    case .training(let event): progress.show(event)
    case .progress(let done, let count): total.note(done: done, of: count)
    case .diverged(let row, _, let rate, let error):
      common.note("\(row.label)" + (rate.map { ", learning rate \($0)" } ?? "") + ": \(error)")
    case .row, .probe, .measuring: break
    }
  }
}
