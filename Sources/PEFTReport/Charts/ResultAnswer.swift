import Foundation

/// The answer that trained methods give, in words: how good the one that the page is about is, with
/// how many parameters, beside LoRA and full fine-tuning, how certain that is, and what it costs.
package struct ResultAnswer {
  private let chart: ScoreChart
  private let scale: ScoreScale
  private let ours: ScoreChart.Row
  private let mean: Double

  /// The answer of `chart`; nil if its own method, or the best if none is its own, has no score.
  package init?(_ chart: ScoreChart) {
    guard let scale = chart.scale else { return nil }
    func score(_ row: ScoreChart.Row) -> Double {
      row.mean.map { scale.higherIsBetter ? $0 : -$0 } ?? -.infinity
    }
    guard
      let ours = chart.rows.first(where: \.isOurs)
        ?? chart.rows.max(by: { score($0) < score($1) }), let mean = ours.mean
    else { return nil }
    (self.chart, self.scale, self.ours, self.mean) = (chart, scale, ours, mean)
  }

  /// Score and size in one line.
  package var headline: String {
    let score =
      scale.isShare ? "\(scale.text(mean)) \(scale.name)" : "\(scale.name) \(scale.text(mean))"
    let text = score.prefix(1).uppercased() + score.dropFirst()
    return "\(text) on \(scale.split) with \(share) of the parameters"
      + (ours.isOurs ? "" : ": \(ours.label)")
  }

  private var share: String {
    ReportText.percent(Double(ours.parameters), of: Double(chart.total))
  }

  /// What a reader asks next, a sentence each.
  package var sentences: [String] {
    [doubt ?? comparison, certainty, costs].compactMap(\.self)
  }

  /// That the method learned nothing that the rows can show: it is not above the baseline by more
  /// than the 95 % interval. Nil otherwise, and without a baseline.
  private var doubt: String? {
    guard let baseline = chart.baseline else { return nil }
    let gain = (scale.higherIsBetter ? 1 : -1) * (mean - baseline)
    guard gain <= (scale.sampling(mean) ?? 0) else { return nil }
    return "Not distinguishably better than the baseline, which reads no text and has "
      + "\(scale.text(baseline))."
  }

  // MARK: - Compared with others

  /// The method of LoRA whose size is nearest; nil without any.
  private var lora: ScoreChart.Row? {
    func distance(_ row: ScoreChart.Row) -> Double {
      abs(log(Double(max(1, row.parameters)) / Double(max(1, ours.parameters))))
    }
    return chart.rows.filter {
      !$0.isOurs && $0.label != ours.label && $0.label.lowercased().hasPrefix("lora ")
        && $0.mean != nil
    }.min { distance($0) < distance($1) }
  }

  /// Full fine-tuning; nil if it was not trained, or is the method itself.
  private var full: ScoreChart.Row? {
    chart.rows.first { $0.label == "full" && $0.label != ours.label && $0.mean != nil }
  }

  private var comparison: String? {
    let others = [lora.map { ($0, loraName($0)) }, full.map { ($0, "full fine-tuning") }]
      .compactMap(\.self)
    guard !others.isEmpty else { return nil }
    let text = others.map { standing(beside: $0.0, named: $0.1) }.joined(separator: ", and ")
    let doubtful = others.filter { mayBeChance($0.0) }
    let doubt =
      doubtful.isEmpty
      ? ""
      : doubtful.count < others.count
        ? "; the difference from \(doubtful[0].1.prefix { $0 != "," }) may be due to chance"
        : others.count == 1
          ? "; the difference may be due to chance" : "; both differences may be due to chance"
    return text.prefix(1).uppercased() + text.dropFirst() + doubt + "."
  }

  private func loraName(_ row: ScoreChart.Row) -> String {
    let ratio = Double(row.parameters) / Double(max(1, ours.parameters))
    if (0.8...1.25).contains(ratio) { return "LoRA of the same size" }
    let name = row.label.replacing("lora r", with: "LoRA of rank ")
    return ratio > 1
      ? "\(name), which trains \(Self.factor(ratio)) times as many parameters"
      : "\(name), which trains \(ReportText.percent(ratio, of: 1)) as many parameters"
  }

  private static func factor(_ ratio: Double) -> String {
    String(format: ratio < 9.95 ? "%.1f" : "%.0f", ratio)
  }

  private func standing(beside row: ScoreChart.Row, named name: String) -> String {
    let gain = (scale.higherIsBetter ? 1 : -1) * (mean - (row.mean ?? mean))
    if isLevel(with: row) { return "level with \(name)" }
    let words = scale.higherIsBetter ? ("above", "below") : ("better than", "worse than")
    return "\(scale.distance(gain)) \(gain > 0 ? words.0 : words.1) \(name)"
  }

  private func isLevel(with row: ScoreChart.Row) -> Bool {
    Double(scale.number(abs(mean - (row.mean ?? mean)))) == 0
  }

  /// Whether the difference to another method is within what seeds and the number of rows explain.
  ///
  /// The methods answer the same rows, so their scores move together, and the bound from the number
  /// of rows is a cautious one.
  private func mayBeChance(_ row: ScoreChart.Row) -> Bool {
    guard let other = row.mean, !isLevel(with: row) else { return false }
    func variance(_ row: ScoreChart.Row) -> Double {
      row.deviation.map { $0 * $0 / Double(row.scores.count) } ?? 0
    }
    let seeds = 2 * (variance(ours) + variance(row)).squareRoot()
    let rows = [mean, other].compactMap(scale.sampling).reduce(0) { $0 + $1 * $1 }.squareRoot()
    return abs(mean - other) < max(seeds, rows)
  }

  // MARK: - Certainty and costs

  private var certainty: String? {
    let count = ours.scores.count
    let rows = scale.rowCount.flatMap { rows in
      scale.sampling(mean).map {
        "with \(ReportText.grouped(rows)) \(scale.split) rows, the score's 95 % interval is "
          + "± \(scale.distance($0))"
      }
    }
    let seeds =
      count == 1
      ? "One seed"
      : "\(count) seeds"
        + (ours.deviation.map { " with a standard deviation of \(scale.distance($0))" } ?? "")
    return [seeds, rows].compactMap(\.self).joined(separator: "; ") + "."
  }

  private var costs: String? {
    func beside(_ size: KeyPath<ScoreChart.Row, Int?>, _ text: (String) -> String) -> String? {
      guard let own = ours[keyPath: size] else { return nil }
      let other = full?[keyPath: size].map { " instead of \(ReportText.bytes($0))" } ?? ""
      return text(ReportText.bytes(own)) + other
    }
    let parts = [
      beside(\.storedBytes) { "\($0) to store" },
      beside(\.peakMemory) { "\($0) of memory to train" },
    ].compactMap(\.self)
    return parts.isEmpty ? nil : parts.joined(separator: "; ") + "."
  }

  // MARK: - Figures

  /// The numbers to see first.
  package var figures: [KeyFigure] {
    let spread = ours.scores.count > 1 ? ours.deviation : scale.sampling(mean)
    var figures = [
      KeyFigure(
        name: "\(scale.name.prefix(1).uppercased() + scale.name.dropFirst()) on \(scale.split)",
        value: scale.text(mean),
        note: (ours.scores.count == 1 ? "one seed" : "\(ours.scores.count) seeds")
          + (spread.map { ", ± \(scale.number($0))" } ?? "")),
      KeyFigure(
        name: "Trained parameters", value: ReportText.grouped(ours.parameters),
        note: "\(share) of \(ReportText.grouped(chart.total))"),
    ]
    func add(_ name: String, _ size: KeyPath<ScoreChart.Row, Int?>) {
      guard let own = ours[keyPath: size] else { return }
      figures.append(
        KeyFigure(
          name: name, value: ReportText.bytes(own),
          note: full?[keyPath: size].map { "full: \(ReportText.bytes($0))" } ?? ""))
    }
    add("Stored on disk", \.storedBytes)
    add("Training memory", \.peakMemory)
    if let seconds = ours.seconds {
      figures.append(
        KeyFigure(
          name: "Training time", value: ReportText.duration(seconds),
          note: full?.seconds.map { "full: \(ReportText.duration($0))" } ?? ""))
    }
    return figures
  }
}
