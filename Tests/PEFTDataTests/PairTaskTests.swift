import Foundation
import PEFTData
import PEFTNetwork
import PEFTTensor
import PEFTText
import Testing

@Suite("Tasks of pairs")
struct PairTaskTests {
  private func rows(_ text: String, kind: TaskKind) throws -> TaskReader.Rows {
    try reader().rows(Array(text.utf8), path: "p.tsv", kind: kind)
  }

  private func reader() throws -> TaskReader {
    let tokenizer = try ByteLevelBPETrainer.train(
      texts: ["t"], vocabularySize: 300, specialTokens: SpecialTokenTemplate.roberta.specialTokens
    ).tokenizer(template: .roberta)
    return TaskReader(isCausal: false, tokenizer: tokenizer, maximumLength: 8)
  }

  private func task(_ text: String, kind: TaskKind) throws -> any PredictionTask {
    try reader().task(
      of: rows(text, kind: kind), kind: kind, windows: TextWindows(context: 8))
  }

  @Test("texts of a pair are apart, adjacent, and cut one by one")
  func encoding() throws {
    let text = "anchor\tpositive\nab\tabcdefghijkl\nx\ty\n"
    let rows = try rows(text, kind: .retrieval)
    let task = try task(text, kind: .retrieval)
    let data = try task.encode(rows, by: reader())
    #expect(data.lengths == [4 + 8, 3 + 3])
    #expect(data.truncatedCount == 1 && data.longest == 14)
    let batch = try #require(
      data.examples([1, 0], maskingWith: SeededGenerator(seed: 1, purpose: "masks")))
    #expect(batch.texts.exampleCount == 4 && batch.targets.count == 1)
    #expect(batch.targets.kind == .classes([0, 1]))
    #expect((0..<4).map { batch.texts.partition[$0].count } == [3, 3, 4, 8])
    let scored = "sentence1\tsentence2\tscore\na\tb\t0.5\nc\td\t-1\n"
    let similar = try Similarity().encode(
      self.rows(scored, kind: .similarity), by: reader())
    let two = try #require(
      similar.examples([1, 0], maskingWith: SeededGenerator(seed: 1, purpose: "masks")))
    #expect(two.texts.exampleCount == 4 && two.targets.kind == .values([-1, 0.5]))
    #expect(similar.sample(1, using: SeededGenerator(seed: 1, purpose: "s")).count == 1)
  }

  @Test(
    "what does not fit is refused with its line",
    arguments: [
      (TaskKind.similarity, "text\tlabel\na\t0.5\nb\t0.1\n", "line 2"),
      (.similarity, "text_a\ttext_b\tlabel\na\tb\t0.5\nc\td\t4.2\n", "line 3"),
      (.similarity, "text_a\ttext_b\tlabel\na\tb\t0.5\nc\td\tx\n", "line 3"),
      (.similarity, "text_a\ttext_b\na\tb\n", "line 2"),
      (.retrieval, "text\tlabel\na\t0.5\nb\t0.1\n", "line 2"),
    ])
  func refusals(kind: TaskKind, text: String, place: String) {
    let error = #expect(throws: FileError.self) { _ = try task(text, kind: kind) }
    #expect(error?.place == place)
  }

  @Test("metrics of ranks")
  func metrics() {
    let metrics = RetrievalMetrics(ranks: [1, 2, 20, 1], loss: 3).values
    #expect(metrics.map(\.name) == ["accuracy", "mrr", "recall10", "loss"])
    #expect(metrics.map(\.value) == [0.5, (1 + 0.5 + 0.05 + 1) / 4, 0.75, 3])
    #expect(RetrievalMetrics(ranks: [], loss: 0).values.isEmpty)
  }

  @Test("the baseline of retrieval is a random order")
  func baseline() throws {
    let text = "query\tpassage\na\tb\nc\td\n"
    let task = try task(text, kind: .retrieval)
    let data = try task.encode(rows(text, kind: .retrieval), by: reader())
    let baseline = try #require(
      task.baseline(
        on: data, from: nil, maskingWith: SeededGenerator(seed: 1, purpose: "m"),
        vocabularySize: 300))
    #expect(baseline["accuracy"] == 0.5 && baseline["mrr"] == 0.75 && baseline["recall10"] == 1)
  }

  @Test("the baseline of retrieval counts distinct texts, without other right ones")
  func repeatedTexts() throws {
    let text = "query\tpassage\na\tb\nc\tb\na\td\n"
    let task = try task(text, kind: .retrieval)
    let data = try task.encode(rows(text, kind: .retrieval), by: reader())
    let baseline = try #require(
      task.baseline(
        on: data, from: nil, maskingWith: SeededGenerator(seed: 1, purpose: "m"),
        vocabularySize: 300))
    // Both texts are right for a, and one of two for c.
    #expect(abs(try #require(baseline["accuracy"]) - 2.5 / 3) < 1e-12)
    #expect(abs(try #require(baseline["mrr"]) - 2.75 / 3) < 1e-12)
    #expect(abs(try #require(baseline["loss"]) - log(2) / 3) < 1e-12)
  }
}
