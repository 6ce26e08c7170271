import Foundation
import PEFTTensor
import PEFTData
import Testing

@Suite("Metrics")
struct MetricsTests {
  static func fixture() throws -> JSONValue {
    let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("Fixtures/metrics/metrics.json")
    return try JSONValue(parsing: [UInt8](try Data(contentsOf: path)))
  }

  /// Both sides are a few dozen sums in Double of terms near 1; 1e-12 allows for their order. In
  /// one regression case, the offset of 1e6 costs six of sixteen digits, hence 1e-9 there.
  static func isClose(_ value: Double, _ expected: Double, tolerance: Double) -> Bool {
    abs(value - expected) <= tolerance * max(1, abs(expected))
  }

  @Test("classification agrees with scikit-learn")
  func classification() throws {
    let cases = try #require(try Self.fixture()["classification"]?.array)
    #expect(cases.count >= 19)
    for entry in cases {
      let metrics = ClassificationMetrics(
        predictions: entry["predictions"]?.array?.compactMap(\.integer) ?? [],
        labels: entry["labels"]?.array?.compactMap(\.integer) ?? [],
        classCount: entry["classes"]?.integer ?? 0, loss: 0.5)
      let isBinary = entry["classes"]?.integer == 2
      let names = ["accuracy"] + (isBinary ? ["f1"] : []) + ["macroF1", "matthews", "loss"]
      #expect(metrics.values.map(\.name) == names)
      for (name, value) in metrics.values where name != "loss" {
        let expected = try #require(entry[name]?.double)
        #expect(
          Self.isClose(value, expected, tolerance: 1e-12),
          "\(entry["name"]?.string ?? ""): \(name) \(value), expected \(expected)")
      }
    }
  }

  @Test("regression agrees with scipy, and is 0 if scipy returns no number")
  func regression() throws {
    let cases = try #require(try Self.fixture()["regression"]?.array)
    #expect(cases.count >= 9)
    for entry in cases {
      let metrics = RegressionMetrics(
        predictions: entry["predictions"]?.array?.compactMap(\.double) ?? [],
        targets: entry["targets"]?.array?.compactMap(\.double) ?? [])
      let isConstant = entry["r2"] == nil
      #expect(
        metrics.values.map(\.name)
          == ["pearson", "spearman"] + (isConstant ? [] : ["r2"]) + ["mse", "mae"])
      for (name, value) in metrics.values {
        let expected = try #require(entry[name]?.double)
        let tolerance = entry["name"]?.string == "large offset" ? 1e-9 : 1e-12
        #expect(
          Self.isClose(value, expected, tolerance: tolerance),
          "\(entry["name"]?.string ?? ""): \(name) \(value), expected \(expected)")
      }
    }
  }

  @Test("the confusion matrix and its classes agree with scikit-learn")
  func confusion() throws {
    for entry in try #require(try Self.fixture()["classification"]?.array) {
      let count = entry["classes"]?.integer ?? 0
      let matrix = ConfusionMatrix(
        answers: entry["predictions"]?.array?.compactMap(\.integer) ?? [],
        labels: entry["labels"]?.array?.compactMap(\.integer) ?? [], classCount: count)
      let rows = entry["confusion"]?.array?.map { $0.array?.compactMap(\.integer) ?? [] }
      #expect(matrix.rows == rows, "\(entry["name"]?.string ?? "")")
      #expect(ConfusionMatrix(json: matrix.json, classCount: count) == matrix)
      let expected = try #require(entry["byClass"]?.array)
      #expect(matrix.classes.count == count && expected.count == count)
      for (score, item) in zip(matrix.classes, expected) {
        #expect(score.support == item["support"]?.integer)
        for (value, name) in [
          (score.precision, "precision"), (score.recall, "recall"), (score.f1, "f1"),
        ] {
          #expect(Self.isClose(value, item[name]?.double ?? .nan, tolerance: 1e-12))
        }
      }
    }
  }

  @Test("a correlation survives values whose squares overflow")
  func hugeValues() {
    let metrics = RegressionMetrics(
      predictions: [1e200, 2e200, 3e200], targets: [1, 2, 3], loss: 1)
    #expect(Self.isClose(metrics.pearson, 1, tolerance: 1e-12))
    #expect(metrics.values.last?.name == "loss")
  }

  @Test("a value that is not finite makes every metric NaN")
  func notFinite() {
    let metrics = RegressionMetrics(predictions: [1, .nan], targets: [1, 2])
    #expect(metrics.values.allSatisfy { $0.value.isNaN })
  }
}
