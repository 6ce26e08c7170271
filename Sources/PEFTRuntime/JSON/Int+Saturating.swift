extension Int {
  /// The integer part of `value`, clamped to the range of `Int`; 0 for NaN.
  package init(saturating value: Double) {
    self = Int(exactly: value.rounded(.towardZero)) ?? (value > 0 ? .max : value < 0 ? .min : 0)
  }
}
