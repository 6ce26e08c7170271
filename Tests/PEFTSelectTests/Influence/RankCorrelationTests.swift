import PEFTSelect
import Testing

@Suite("Rank correlation")
struct RankCorrelationTests {
  struct Case: Sendable {
    let x: [Double]
    let y: [Double]
    let expected: Double
  }

  /// All but the last value are from scipy.stats.kendalltau.
  static let cases = [
    Case(x: [1, 2, 3, 4, 5], y: [1, 2, 3, 4, 5], expected: 1),
    Case(x: [1, 2, 3, 4, 5], y: [5, 4, 3, 2, 1], expected: -1),
    Case(x: [1, 2, 3, 4], y: [1, 3, 2, 4], expected: 2.0 / 3),
    Case(x: [12, 2, 1, 12, 2], y: [1, 4, 7, 1, 0], expected: -0.47140452079103173),
    Case(x: [1, 1, 1], y: [1, 2, 3], expected: 0),
  ]

  @Test("Kendall's tau of plain and tied values", arguments: cases)
  func kendall(_ item: Case) {
    #expect(abs(RankCorrelation.kendall(item.x, item.y) - item.expected) < 1e-12)
    #expect(abs(RankCorrelation.kendall(item.y, item.x) - item.expected) < 1e-12)
  }
}
