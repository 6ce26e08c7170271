import Foundation

/// Shows how far a task of counted steps is: one live line on a terminal, elsewhere a plain line every
/// few seconds.
final class StepLine {
  private let isQuiet: Bool
  private let isLive = Console.isTerminal
  private var lastShown = ContinuousClock.now
  private var isOpen = false

  /// Seconds between plain lines.
  private static let interval = Duration.seconds(5)

  init(isQuiet: Bool) { self.isQuiet = isQuiet }

  func show(_ name: String, done: Int, of count: Int, detail: String = "") {
    guard !isQuiet else { return }
    let line = "\(name) \(done)/\(count)" + (detail.isEmpty ? "" : "  " + detail)
    if isLive {
      Console.live(line)
      isOpen = true
    } else if ContinuousClock.now - lastShown >= Self.interval {
      lastShown = .now
      Console.error(line)
    }
  }

  /// Clears the live line.
  func finish() {
    if isOpen { Console.live("") }
    isOpen = false
  }
}
