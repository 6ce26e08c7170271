import Foundation
import PEFTData
import PEFTTensor
import Testing

@Suite("Metrics of sets of labels")
struct MultiLabelMetricsTests {
  private static func fixture() throws -> JSONValue {
    let path = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Fixtures/metrics/labels.json").path
    return try JSONValue(parsing: FileContents.read(path))
  }

  private static func numbers(_ value: JSONValue?) -> [Double] {
    value?.array?.compactMap(\.double) ?? []
  }

  private static func sets(_ value: JSONValue?) -> [[Int]] {
    value?.array?.map { $0.array?.compactMap(\.integer) ?? [] } ?? []
  }

  @Test("all agree with scikit-learn")
  func agrees() throws {
    let cases = try #require(try Self.fixture()["cases"]?.array)
    #expect(cases.count == 13)
    for item in cases {
      let metrics = MultiLabelMetrics(
        scores: Self.numbers(item["scores"]), thresholds: Self.numbers(item["thresholds"]),
        labels: Self.sets(item["labels"]), loss: 0.5)
      #expect(
        metrics.values.map(\.name)
          == ["microF1", "macroF1", "exactMatch", "rankingPrecision", "loss"])
      for (name, value) in metrics.values where name != "loss" {
        let expected = try #require(item[name]?.double)
        #expect(abs(value - expected) < 1e-12, "\(item["name"]?.string ?? ""): \(name) \(value)")
      }
    }
  }

  @Test("the best thresholds reach the highest F1 of every label")
  func thresholds() throws {
    let cases = try #require(try Self.fixture()["tuning"]?.array)
    for item in cases {
      let (scores, labels) = (Self.numbers(item["scores"]), Self.sets(item["labels"]))
      let width = try #require(item["width"]?.integer)
      let thresholds = MultiLabelMetrics.bestThresholds(
        scores: scores, labels: labels, labelCount: width)
      for (index, best) in Self.numbers(item["best"]).enumerated() {
        let own = labels.indices.map { scores[$0 * width + index] }
        let metrics = MultiLabelMetrics(
          scores: own, thresholds: [thresholds[index]],
          labels: labels.map { $0.contains(index) ? [0] : [] })
        #expect(abs(metrics.macroF1 - best) < 1e-12)
        #expect((0...1).contains(thresholds[index]))
      }
    }
    // A label that no row has, and equal scores, between which no threshold can lie.
    let thresholds = MultiLabelMetrics.bestThresholds(
      scores: [0.9, 0.2, 0.9, 0.2], labels: [[1], []], labelCount: 2)
    #expect(thresholds[0] == 0.5 && thresholds[1] == 0.1)
  }
}
