import Foundation
import PEFTModels
import PEFTReport
import PEFTTrain

/// Shows a training run on standard error: one live line on a terminal, otherwise a plain line
/// every few seconds. Evaluations are kept as separate lines.
final class ProgressLine {
  private let isQuiet: Bool
  private let total: TotalProgress?
  private let isLive = Console.isTerminal
  private let start = ContinuousClock.now
  private var lastShown = ContinuousClock.now
  private var recent: [StepReport] = []

  /// The time between plain lines.
  private static let interval = Duration.seconds(5)
  /// The number of steps averaged for loss and rate.
  private static let window = 20

  /// - Parameter total: the progress of the whole job, if the run is one of several.
  init(isQuiet: Bool, total: TotalProgress? = nil) {
    self.isQuiet = isQuiet
    self.total = total
  }

  func show(_ event: TrainingEvent) {
    guard !isQuiet else { return }
    total?.noteWork()
    switch event {
    case .step(let report):
      // In a job of several runs, the steps of the run before count no longer.
      if let last = recent.last, report.numbers.step <= last.numbers.step { recent.removeAll() }
      recent.append(report)
      if recent.count > Self.window { recent.removeFirst() }
      let isLast = report.numbers.step == report.numbers.totalSteps
      if isLive {
        Console.live(line(report))
        if isLast { Console.error("") }
      } else if isLast || ContinuousClock.now - lastShown >= Self.interval {
        lastShown = .now
        Console.error(line(report))
      }
    case .evaluation(let step, let metrics, let isBest):
      if isLive { Console.live("") }
      let values = metrics.map { "\($0.name) \(Self.format($0.value))" }.joined(separator: "  ")
      Console.error("step \(step)  dev  \(values)\(isBest ? "  (best so far)" : "")")
    case .reselection(let step, let reselection):
      if isLive { Console.live("") }
      Console.error("step \(step)  " + Self.line(reselection))
    }
  }

  func show(_ event: RateSearchEvent) {
    guard !isQuiet else { return }
    total?.noteWork()
    switch event {
    case .estimated(let estimate):
      guard let estimate else { return }
      Console.error("estimated learning rate: \(estimate.rate)")
    case .step(let rate, let report):
      recent.append(report)
      if recent.count > Self.window { recent.removeFirst() }
      let text = "trying learning rate \(rate)  " + line(report)
      if isLive {
        Console.live(text)
      } else if ContinuousClock.now - lastShown >= Self.interval {
        lastShown = .now
        Console.error(text)
      }
    case .arm(let arm):
      recent.removeAll()
      if isLive { Console.live("") }
      Console.error(
        "learning rate \(arm.rate), after \(arm.steps) steps: "
          + (arm.loss.map { "loss \(Self.format($0))" } ?? "given up"))
    }
  }

  /// What was chosen again. The run's files have the names of the groups.
  private static func line(_ reselection: Reselection) -> String {
    "chose again in \(duration(reselection.seconds)): \(reselection.added.count) groups added, "
      + "\(reselection.dropped.count) dropped, \(reselection.kept.count) kept; "
      + "\(reselection.trainable.grouped) parameters train"
  }

  private func line(_ report: StepReport) -> String {
    let numbers = report.numbers
    let seconds = recent.reduce(0) { $0 + $1.seconds }
    let tokens = Double(recent.reduce(0) { $0 + $1.tokens })
    let loss = recent.reduce(0) { $0 + $1.numbers.loss } / Double(recent.count)
    let left = Double(numbers.totalSteps - numbers.step) * seconds / Double(recent.count)
    let prefix = total?.prefix ?? ""
    if !prefix.isEmpty {
      return prefix + "step \(numbers.step)/\(numbers.totalSteps)  loss \(Self.format(loss))"
    }
    return "step \(numbers.step)/\(numbers.totalSteps)  loss \(Self.format(loss))  "
      + "rate \(String(format: "%.2e", numbers.learningRate))  "
      + "\(ReportText.whole(tokens / max(seconds, 1e-9))) tokens/s  \(Self.duration(left)) left"
  }

  static func format(_ value: Double) -> String { ReportText.metric(value) }

  static func duration(_ seconds: Double) -> String {
    // Seconds from a file or a rate near 0 may not fit an Int.
    guard let whole = Int(exactly: seconds.rounded()) else {
      return ReportText.whole(seconds) + " s"
    }
    return whole < 60
      ? "\(whole) s"
      : whole < 3600
        ? "\(whole / 60) min \(whole % 60) s"
        : "\(whole / 3600) h \(whole % 3600 / 60) min"
  }
}
