extension Int {
  /// The whole part of `value`, or the nearest integer there is: the largest or smallest for a
  /// value beyond it, 0 for NaN.
  package init(saturating value: Double) {
    self = Int(exactly: value.rounded(.towardZero)) ?? (value > 0 ? .max : value < 0 ? .min : 0)
  }
}
