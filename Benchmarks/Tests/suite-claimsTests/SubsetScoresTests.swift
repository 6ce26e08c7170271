import Testing

@testable import suite_claims

@Suite("Subsets of groups")
struct SubsetScoresTests {
  @Test("falls that add up do, and a selection has its place among those that fit")
  func subsets() throws {
    let falls = [("a", 0.1, 40), ("b", 0.2, 100), ("c", 0.4, 500)]
    func scores(_ fall: ([Double]) -> Double) -> SubsetScores {
      SubsetScores(
        subsets: (0..<8).map { bits in
          let chosen = falls.indices.filter { bits >> $0 & 1 == 1 }.map { falls[$0] }
          let gain = fall(chosen.map(\.1))
          return SubsetScores.Subset(
            names: Set(chosen.map(\.0)), trainable: chosen.reduce(10) { $0 + $1.2 },
            score: 0.5 + gain, loss: 1 - gain)
        })
    }
    let sums = scores { $0.reduce(0, +) }
    let additive = try #require(sums.additivity)
    #expect(additive.count == 4 && abs(additive.correlation - 1) < 1e-12)
    #expect(abs(additive.ratio - 1) < 1e-9)
    let second = try #require(sums.place(of: ["b"], limit: 200))
    #expect(second.best.label == "a + b" && second.rank == 2 && second.count == 4)
    #expect(sums.place(of: ["c"], limit: 200) == nil)
    // Together no more than the best alone.
    let best = try #require(scores { $0.max() ?? 0 }.additivity)
    #expect(best.ratio < 0.8 && best.correlation < 1)
  }
}
