extension PrimaryMetric {
  /// The standard error of `value` measured on `rowCount` independent rows; nil if it does not
  /// follow from these two numbers.
  ///
  /// - accuracy p: √(p (1 − p) / n)
  /// - Pearson's and Spearman's correlation r: √((1 − r²) / (n − 2)), which is that of r = 0 in the
  ///   test for a correlation
  public func standardError(of value: Double, rowCount: Int) -> Double? {
    switch name {
    case "accuracy":
      guard rowCount > 0, (0...1).contains(value) else { return nil }
      return (value * (1 - value) / Double(rowCount)).squareRoot()
    case "pearson", "spearman":
      guard rowCount > 2, (-1...1).contains(value) else { return nil }
      return ((1 - value * value) / Double(rowCount - 2)).squareRoot()
    default: return nil
    }
  }

  /// Whether `value` is better than `baseline` by more than two standard errors, or at all if there
  /// is no standard error. False if either is NaN.
  public func isAbove(_ value: Double, baseline: Double, rowCount: Int) -> Bool {
    let difference = higherIsBetter ? value - baseline : baseline - value
    return difference > 2 * (standardError(of: value, rowCount: rowCount) ?? 0)
  }
}
