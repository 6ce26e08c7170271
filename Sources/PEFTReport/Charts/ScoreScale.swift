import Foundation

/// How the values of a metric are written: shares, such as accuracies, in per cent and their
/// differences in points, other metrics as numbers.
package struct ScoreScale: Hashable, Sendable {
  /// The name of the metric among those of an evaluation.
  package let metric: String
  /// The data on which it was measured, such as `test`.
  package let split: String
  /// Whether larger values are better.
  package let higherIsBetter: Bool
  /// The number of rows of these data; nil if it is not known.
  package let rowCount: Int?

  /// The scale of a metric.
  package init(_ metric: String, on split: String, higherIsBetter: Bool, rowCount: Int?) {
    self.metric = metric
    self.split = split
    self.higherIsBetter = higherIsBetter
    self.rowCount = rowCount
  }

  /// Metrics from 0 to 1 that are written in per cent.
  private static let shares: Set<String> = [
    "accuracy", "f1", "microF1", "macroF1", "precision", "recall", "exactMatch",
  ]

  /// Whether values are written in per cent.
  package var isShare: Bool { Self.shares.contains(metric) }

  /// The metric in words.
  package var name: String {
    switch metric {
    case "f1": "F1"
    case "microF1": "micro F1"
    case "macroF1": "macro F1"
    case "exactMatch": "exact match"
    case "rankingPrecision": "ranking precision"
    case "matthews": "Matthews correlation"
    case "pearson": "Pearson correlation"
    case "spearman": "Spearman correlation"
    case "mae": "mean absolute error"
    case "mse": "mean squared error"
    case "r2": "R²"
    case "bleu": "BLEU"
    default: metric
    }
  }

  /// A value, such as `76.7 %` or `0.8123`.
  package func text(_ value: Double) -> String {
    isShare ? String(format: "%.1f %%", 100 * value) : number(value)
  }

  /// A value or a difference without its unit, such as `1.7`.
  package func number(_ value: Double) -> String {
    if isShare { return String(format: "%.1f", 100 * value) }
    let size = abs(value)
    return size >= 1000
      ? ReportText.metric(value.rounded())
      : String(format: size < 1 ? "%.4f" : size < 100 ? "%.2f" : "%.1f", value)
  }

  /// A distance between two values, such as `1.7 points`.
  package func distance(_ distance: Double) -> String {
    let text = number(abs(distance))
    guard isShare else { return text }
    return text + (text == "1.0" ? " point" : " points")
  }

  /// The half width of the 95 % interval that the number of rows leaves around an accuracy `value`;
  /// nil for other metrics.
  package func sampling(_ value: Double) -> Double? {
    guard metric == "accuracy", let rowCount, rowCount > 0, (0...1).contains(value) else {
      return nil
    }
    return 1.96 * (value * (1 - value) / Double(rowCount)).squareRoot()
  }
}
