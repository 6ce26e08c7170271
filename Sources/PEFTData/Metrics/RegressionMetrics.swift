/// The agreement of predicted values with true values.
///
/// A correlation is 0 if it is undefined, that is, if the predictions or the targets are all equal,
/// because a constant prediction explains nothing; scipy returns NaN. A value that is not finite
/// makes every metric NaN.
public struct RegressionMetrics: Hashable, Sendable {
  /// Pearson's correlation, from -1 to 1.
  public let pearson: Double
  /// Spearman's correlation: Pearson's correlation of the ranks, where equal values share their
  /// mean rank.
  public let spearman: Double
  /// The mean squared error.
  public let meanSquaredError: Double
  /// The mean absolute error.
  public let meanAbsoluteError: Double
  /// R² = 1 − Σ(ŷ − y)² / Σ(y − ȳ)²: 1 for perfect predictions, 0 for always predicting the mean ȳ
  /// of the targets, negative for larger errors than that; nil if all targets are equal.
  public let determination: Double?
  /// The mean loss that was passed in.
  public let loss: Double?

  /// Compares `predictions` with `targets`, both of length n > 0; `loss` is stored. O(n log n).
  public init(predictions: [Double], targets: [Double], loss: Double? = nil) {
    precondition(
      predictions.count == targets.count && !targets.isEmpty,
      "RegressionMetrics: \(predictions.count) predictions, \(targets.count) targets")
    self.loss = loss
    guard (predictions + targets).allSatisfy(\.isFinite) else {
      (pearson, spearman, meanSquaredError, meanAbsoluteError) = (.nan, .nan, .nan, .nan)
      determination = .nan
      return
    }
    pearson = correlation(predictions, targets)
    spearman = correlation(ranks(predictions), ranks(targets))
    let count = Double(targets.count)
    meanSquaredError =
      zip(predictions, targets).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } / count
    meanAbsoluteError = zip(predictions, targets).reduce(0) { $0 + abs($1.0 - $1.1) / count }
    let mean = targets.reduce(0) { $0 + $1 / count }
    let variance = targets.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count
    determination = targets.contains { $0 != targets[0] } ? 1 - meanSquaredError / variance : nil
  }

  /// The metrics by name in a fixed order: pearson, spearman, r2 (unless all targets are equal),
  /// mse, mae, loss.
  public var values: [(name: String, value: Double)] {
    let all: [(name: String, value: Double?)] = [
      ("pearson", pearson), ("spearman", spearman), ("r2", determination),
      ("mse", meanSquaredError), ("mae", meanAbsoluteError), ("loss", loss),
    ]
    return all.compactMap { entry in entry.value.map { (entry.name, $0) } }
  }
}

/// Pearson's correlation in two passes: means, then centred sums; 0 if either side is constant.
private func correlation(_ left: [Double], _ right: [Double]) -> Double {
  guard let left = centred(left), let right = centred(right) else { return 0 }
  var (product, leftSquare, rightSquare) = (0.0, 0.0, 0.0)
  for (x, y) in zip(left, right) {
    product += x * y
    leftSquare += x * x
    rightSquare += y * y
  }
  return max(-1, min(1, product / (leftSquare.squareRoot() * rightSquare.squareRoot())))
}

/// The values minus their mean, scaled so that the largest magnitude is 1 and no square leaves the
/// range of Double; nil if all values are equal.
private func centred(_ values: [Double]) -> [Double]? {
  guard let first = values.first, values.contains(where: { $0 != first }) else { return nil }
  let count = Double(values.count)
  let mean = values.reduce(0) { $0 + $1 / count }
  let deviations = values.map { $0 - mean }
  let largest = deviations.reduce(0) { max($0, abs($1)) }
  return deviations.map { $0 / largest }
}

/// The rank of each value from 1; equal values share the mean of their ranks.
private func ranks(_ values: [Double]) -> [Double] {
  let order = values.indices.sorted { values[$0] < values[$1] }
  var ranks = [Double](repeating: 0, count: values.count)
  var start = 0
  while start < order.count {
    var end = start + 1
    while end < order.count, values[order[end]] == values[order[start]] { end += 1 }
    for position in start..<end { ranks[order[position]] = Double(start + 1 + end) / 2 }
    start = end
  }
  return ranks
}
