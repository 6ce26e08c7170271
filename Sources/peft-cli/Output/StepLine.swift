import Foundation
import PEFTStudy
import PEFTTrain

/// Shows the progress of a task with a known number of steps: one live line on a terminal,
/// otherwise a plain line every few seconds.
final class StepLine {
  private let isQuiet: Bool
  private let total: TotalProgress?
  private let isLive = Console.isTerminal
  private var lastShown = ContinuousClock.now
  private var isOpen = false

  /// The time between plain lines.
  private static let interval = Duration.seconds(5)

  /// - Parameter total: the progress of the whole job, if this is one of several parts.
  init(isQuiet: Bool, total: TotalProgress? = nil) {
    self.isQuiet = isQuiet
    self.total = total
  }

  func show(_ name: String, done: Int, of count: Int, detail: String = "") {
    guard !isQuiet else { return }
    total?.noteWork()
    let line =
      (total?.prefix ?? "") + "\(name) \(done)/\(count)" + (detail.isEmpty ? "" : "  " + detail)
    if isLive {
      Console.live(line)
      isOpen = true
    } else if ContinuousClock.now - lastShown >= Self.interval {
      lastShown = .now
      Console.error(line)
    }
  }

  /// Shows a step of training with its loss.
  func show(_ name: String, _ report: StepReport) {
    show(
      name, done: report.numbers.step, of: report.numbers.totalSteps,
      detail: "loss \(ProgressLine.format(report.numbers.loss))")
  }

  /// Shows the progress of a probe.
  func show(_ event: InfluenceEvent) {
    switch event {
    case .note(let text):
      finish()
      if !isQuiet { Console.error(text) }
    case .head(let report): show("head alone", report)
    case .warm(let report): show("everything", report)
    case .direction(let done, let count): show("direction", done: done, of: count)
    case .probe(let done, let count): show("probe", done: done, of: count)
    }
  }

  /// Clears the live line.
  func finish() {
    if isOpen { Console.live("") }
    isOpen = false
  }
}
