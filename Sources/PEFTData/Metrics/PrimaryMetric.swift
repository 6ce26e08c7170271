/// The metric by which runs are compared.
public struct PrimaryMetric: Hashable, Sendable {
  /// Its name among the metrics of an evaluation.
  public let name: String
  /// Whether larger values are better.
  public let higherIsBetter: Bool

  /// The metric called `name`.
  public init(_ name: String, higherIsBetter: Bool) {
    self.name = name
    self.higherIsBetter = higherIsBetter
  }

  /// The value among `metrics` as a score, for which larger is better; −∞ if it is missing or NaN.
  public func score(_ metrics: [(name: String, value: Double)]) -> Double {
    guard let value = metrics.first(where: { $0.name == name })?.value, !value.isNaN else {
      return -.infinity
    }
    return higherIsBetter ? value : -value
  }
}
