/// The metric by which runs are compared.
public struct PrimaryMetric: Hashable, Sendable {
  /// Its name among the metrics of an evaluation.
  public let name: String
  /// Whether larger values are better.
  public let higherIsBetter: Bool

  /// The mean loss, which every evaluation has.
  public static let loss = PrimaryMetric("loss", higherIsBetter: false)

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

  /// Whether `metrics` are better than `others`: by the score, or at equal scores by a lower
  /// `loss`.
  ///
  /// Small evaluation sets often tie on a metric such as the accuracy, and the loss still tells
  /// which model is more certain of the right answers.
  public func isBetter(
    _ metrics: [(name: String, value: Double)], than others: [(name: String, value: Double)]
  ) -> Bool {
    let (score, other) = (score(metrics), score(others))
    guard score == other else { return score > other }
    return Self.loss.score(metrics) > Self.loss.score(others)
  }
}
