import PEFTStudy
import PEFTTensor
import Testing

@Suite("Results of folds")
struct FoldResultsTests {
  @Test("mean, deviation and the corrected interval")
  func summary() throws {
    let folds = [0.8, 0.9, 0.7, 0.85, 0.75].map {
      [(name: "accuracy", value: $0), (name: "loss", value: 1 - $0)]
    }
    let results = FoldResults(folds)
    let accuracy = try #require(results.summaries.first)
    #expect(results.summaries.map(\.name) == ["accuracy", "loss"])
    #expect(abs(accuracy.mean - 0.8) < 1e-12)
    #expect(abs(accuracy.deviation - 0.00625.squareRoot()) < 1e-12)
    // The 97.5 % quantile of Student's t with four degrees is 2.776445.
    #expect(abs(accuracy.margin - 2.776445 * (0.00625 * 0.45).squareRoot()) < 1e-6)
    let interval = results.json["interval"]?["accuracy"]?.array?.compactMap(\.double)
    #expect(interval == [accuracy.mean - accuracy.margin, accuracy.mean + accuracy.margin])
    #expect(results.json["folds"]?.array?.count == 5)
  }

  @Test("a metric that a fold lacks is left out")
  func missing() {
    let results = FoldResults([[("a", 1), ("b", 2)], [("a", 3)]])
    #expect(results.summaries.map(\.name) == ["a"])
  }
}
