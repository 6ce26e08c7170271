/// How high the right texts rank among all candidates.
public struct RetrievalMetrics: Hashable, Sendable {
  /// The share of queries whose own text ranks first.
  public let accuracy: Double
  /// The mean of the ranks' reciprocals (mean reciprocal rank).
  public let reciprocalRank: Double
  /// The share of queries whose own text is among the first ten.
  public let recallAt10: Double
  /// The mean loss.
  public let loss: Double
  private let count: Int

  /// The metrics of `ranks`, counted from 1, one for each query.
  public init(ranks: [Double], loss: Double) {
    count = ranks.count
    func mean(_ value: (Double) -> Double) -> Double {
      ranks.reduce(0) { $0 + value($1) } / Double(max(1, ranks.count))
    }
    accuracy = mean { $0 == 1 ? 1 : 0 }
    reciprocalRank = mean { 1 / $0 }
    recallAt10 = mean { $0 <= 10 ? 1 : 0 }
    self.loss = loss
  }

  /// The metrics by name: `accuracy`, `mrr`, `recall10`, `loss`; empty without queries.
  public var values: [(name: String, value: Double)] {
    count == 0
      ? []
      : [
        ("accuracy", accuracy), ("mrr", reciprocalRank), ("recall10", recallAt10), ("loss", loss),
      ]
  }
}
