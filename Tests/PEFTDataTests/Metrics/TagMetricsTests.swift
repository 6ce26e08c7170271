import Foundation
import PEFTData
import PEFTTensor
import Testing

@Suite("Metrics of tags")
struct TagMetricsTests {
  @Test("entities and their scores agree with seqeval, for well-formed and other tags")
  func golden() throws {
    let path = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Fixtures/metrics/tags.json").path
    let cases = try #require(JSONValue(contentsOf: path).array)
    #expect(cases.count == 60)
    for entry in cases {
      func tags(_ key: String) -> [[String]] {
        entry[key]?.array?.map { $0.array?.compactMap(\.string) ?? [] } ?? []
      }
      let found = TagMetrics(
        predictions: tags("predictions"), tags: tags("tags"), marksEntities: true, loss: 0.5)
      for (name, value) in found.values where name != "loss" {
        let wanted = try #require(entry[name]?.double, "\(name)")
        // Quotients of small integers.
        #expect(abs(value - wanted) < 1e-12, "\(name) of \(entry.text())")
      }
      #expect(found.values.map(\.name) == ["f1", "precision", "recall", "accuracy", "loss"])
    }
  }

  @Test("tags without entities have only an accuracy")
  func plain() {
    let found = TagMetrics(
      predictions: [["NN", "VB"], ["NN"]], tags: [["NN", "NN"], ["NN"]], marksEntities: false,
      loss: 0.25)
    #expect(found.entities == nil && found.values.map(\.name) == ["accuracy", "loss"])
    #expect(abs(found.accuracy - 2.0 / 3) < 1e-12)
  }
}
