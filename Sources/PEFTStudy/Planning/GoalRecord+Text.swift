import Foundation
import PEFTReport

extension GoalRecord {
  /// The columns of a table of what was trained.
  public var header: [String] {
    ["set", "parameters", "dev"] + (hasTest ? ["test"] : [])
      + [full == nil ? "resampled dev" : "of full, dev", "reached"]
  }

  /// What was trained as rows of a table: the sets from the smallest, then full fine-tuning.
  public var rows: [[String]] {
    var rows = trials.map { trial in
      row(
        trial.name, trial.parameters, trial.score, trial.test, text(trial.range),
        reaches(trial) ? "yes" : "no")
    }
    if let full {
      rows.append(
        row("full", full.parameters - headParameters, full.score, full.test, "100 %", ""))
    }
    return rows
  }

  private var hasTest: Bool { trials.contains { $0.test != nil } }

  private func row(
    _ name: String, _ parameters: Int, _ score: Double, _ test: Double?, _ range: String,
    _ reached: String
  ) -> [String] {
    [name, ReportText.grouped(parameters), ReportText.metric(score)]
      + (hasTest ? [test.map(ReportText.metric) ?? ""] : []) + [range, reached]
  }

  /// What the table shows.
  public var caption: String {
    let untried = ladder.count - trials.count
    return
      "\(metric); parameters exclude the head, which has \(ReportText.grouped(headParameters)); "
      + "the range holds eight of ten resamples of the \(ReportText.grouped(rowCount)) dev rows, and "
      + "a set reaches the goal if nine of ten resamples do"
      + (untried == 0
        ? "" : "; \(untried) more \(untried == 1 ? "set was" : "sets were") not tried")
  }

  /// Which set reaches the goal and how surely, or that none does.
  public var answer: String {
    let size = "\(ReportText.grouped(chosen.parameters)) parameters plus the head"
    let name = chosen.parameters == 0 ? "the head alone" : "\(chosen.name) (\(size))"
    let range = "\(text(chosen.range)) on dev"
    let reached =
      isReached
      ? "\(target) is reached by \(name): \(range)" + saving
      : "no set reaches \(target) in nine of ten resamples of the "
        + "\(ReportText.grouped(rowCount)) dev rows; the best, \(name), is kept: \(range)"
    return reached + (held.map { "; " + $0 } ?? "")
  }

  /// What a set has to reach, in words.
  var target: String {
    switch goal {
    case .percentOfFull(let percent): String(format: "%.15g %% of full fine-tuning", percent)
    case .score(let score): String(format: "%@ %.15g", metric, score)
    }
  }

  /// The chosen set on the test data.
  private var held: String? {
    guard let test = chosen.test, let testRange else { return nil }
    let value = goal.measure(test, full: full?.test)
    return "on test \(text(value)) (\(text(testRange)))"
  }

  private var saving: String {
    guard let full else { return "" }
    let ratio = Double(full.parameters) / Double(chosenCount)
    return ratio < 2
      ? ", with \(ReportText.percent(1, of: ratio)) of the parameters"
      : ", with 1/\(ReportText.grouped(Int(ratio.rounded()))) of the parameters"
  }

  /// What a set reached, in words.
  func result(of trial: Trial) -> String {
    "\(trial.name): \(metric) \(ReportText.metric(trial.score)) on dev, \(text(trial.range))"
      + (full == nil ? "" : " of full fine-tuning")
      + (reaches(trial)
        ? ": reaches \(target)" : ": does not reach \(target) in nine of ten resamples")
  }

  private func text(_ range: ClosedRange<Double>) -> String {
    full == nil
      ? "\(text(range.lowerBound)) to \(text(range.upperBound))"
      : String(format: "%.1f to %.1f %%", 100 * range.lowerBound, 100 * range.upperBound)
  }

  private func text(_ measure: Double) -> String {
    full == nil ? ReportText.metric(measure) : String(format: "%.1f %%", 100 * measure)
  }
}
