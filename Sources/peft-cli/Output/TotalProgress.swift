import Foundation

/// The progress of a job of many training runs: runs done of all, the time since the job began, and
/// the time that the remaining runs will take if they take as long as those made so far.
final class TotalProgress {
  private let isQuiet: Bool
  private let start = ContinuousClock.now
  private var lastEnd = ContinuousClock.now
  private var done = 0
  private var count = 0
  private var made = (runs: 0, time: Duration.zero)

  private var hasWorked = false

  init(isQuiet: Bool) { self.isQuiet = isQuiet }

  /// Notes that the current run is being made, and did not exist already.
  func noteWork() { hasWorked = true }

  /// Notes that `done` of `count` runs are done, and shows that as a line unless no run was made
  /// since the last note.
  func note(done: Int, of count: Int) {
    let now = ContinuousClock.now
    let isMade = done > self.done && hasWorked
    if isMade { made = (made.runs + 1, made.time + (now - lastEnd)) }
    (self.done, self.count, lastEnd, hasWorked) = (done, count, now, false)
    if isMade, !isQuiet {
      if Console.isTerminal { Console.live("") }
      Console.error(line)
    }
  }

  /// The progress as a line of its own.
  var line: String { "runs: \(done) of \(count) done, " + times }

  /// The progress before that of the current run; empty before there are runs.
  var prefix: String { count == 0 ? "" : "run \(min(done + 1, count))/\(count), " + times + "  " }

  private var times: String {
    let now = ContinuousClock.now
    let elapsed = ProgressLine.duration((now - start) / .seconds(1)) + " so far"
    guard made.runs > 0, done < count else { return elapsed }
    let each = made.time / .seconds(1) / Double(made.runs)
    let left = Double(count - done) * each - (now - lastEnd) / .seconds(1)
    return elapsed + ", about \(ProgressLine.duration(max(0, left))) left"
  }
}
