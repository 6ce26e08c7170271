/// The metric by which runs are compared.
public struct PrimaryMetric: Hashable, Sendable {
  /// Its name among the metrics of an evaluation.
  public let name: String
  /// Whether more of it is better.
  public let higherIsBetter: Bool

  /// Accuracy, Pearson's correlation, or perplexity.
  public init(of task: PredictionTask) {
    switch task {
    case .classification: (name, higherIsBetter) = ("accuracy", true)
    case .regression: (name, higherIsBetter) = ("pearson", true)
    case .language, .completion: (name, higherIsBetter) = ("perplexity", false)
    }
  }

  /// The value among `metrics` as a score, more of which is better; −∞ where it is missing or NaN.
  public func score(_ metrics: [(name: String, value: Double)]) -> Double {
    guard let value = metrics.first(where: { $0.name == name })?.value, !value.isNaN else {
      return -.infinity
    }
    return higherIsBetter ? value : -value
  }
}
