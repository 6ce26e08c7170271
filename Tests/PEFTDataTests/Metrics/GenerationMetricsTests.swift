import Foundation
import PEFTData
import PEFTTensor
import PEFTData
import Testing

@Suite("Metrics of generated texts")
struct GenerationMetricsTests {
  static func fixture(_ part: String) throws -> [JSONValue] {
    let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("Fixtures/generation/golden.json")
    let document = try JSONValue(parsing: [UInt8](try Data(contentsOf: path)))
    return try #require(document[part]?.array)
  }

  /// A few thousand operations in Double on counts; a relative error of 1e-12 allows for their
  /// order.
  static func isClose(_ value: Double, _ expected: Double) -> Bool {
    abs(value - expected) <= 1e-12 * max(1, abs(expected))
  }

  static func strings(_ value: JSONValue?) -> [String] { value?.array?.compactMap(\.string) ?? [] }

  static func numbers(_ value: JSONValue?) -> [Double] {
    value?.array?.compactMap(\.double) ?? []
  }

  static func texts(_ entry: JSONValue) -> (outputs: [String], references: [[String]]) {
    (strings(entry["outputs"]), entry["references"]?.array?.map { strings($0) } ?? [])
  }

  @Test("tokens are those of sacrebleu and rouge-score, byte for byte")
  func tokens() throws {
    let entries = try Self.fixture("tokens")
    #expect(entries.count >= 100)
    for entry in entries {
      let text = try #require(entry["text"]?.string)
      #expect(
        Tokenization13a.tokens(of: text).map { Array($0.utf8) }
          == Self.strings(entry["tokens13a"]).map { Array($0.utf8) },
        "13a of \(text.debugDescription)")
      #expect(
        ROUGE.tokens(of: text) == Self.strings(entry["rouge"]), "rouge of \(text.debugDescription)")
      #expect(
        Array(lowercasing(text).utf8) == Array((entry["lower"]?.string ?? "?").utf8),
        "lower case of \(text.debugDescription)")
    }
  }

  @Test("BLEU agrees with sacrebleu, including its parts and signature")
  func bleu() throws {
    for entry in try Self.fixture("cases") {
      let name = Comment(rawValue: entry["name"]?.string ?? "")
      let (outputs, references) = Self.texts(entry)
      let bleu = BLEU(
        outputs: outputs, references: references, lowercase: entry["lowercase"]?.bool ?? false)
      let score = try #require(entry["bleu"]?.double)
      #expect(Self.isClose(bleu.score, score), name)
      let penalty = try #require(entry["brevityPenalty"]?.double)
      #expect(Self.isClose(bleu.brevityPenalty, penalty), name)
      let precisions = Self.numbers(entry["precisions"])
      #expect(bleu.precisions.count == 4 && precisions.count == 4)
      #expect(zip(bleu.precisions, precisions).allSatisfy { Self.isClose($0, $1) }, name)
      #expect(bleu.matches == entry["matches"]?.array?.compactMap(\.integer), name)
      #expect(bleu.totals == entry["totals"]?.array?.compactMap(\.integer), name)
      #expect(bleu.outputLength == entry["outputLength"]?.integer, name)
      #expect(bleu.referenceLength == entry["referenceLength"]?.integer, name)
      let signature = try #require(entry["signature"]?.string)
      #expect(bleu.signature == signature + "|version:peft-0.1.0", name)
    }
  }

  @Test("ROUGE agrees with rouge-score")
  func rouge() throws {
    for entry in try Self.fixture("cases") {
      let (outputs, references) = Self.texts(entry)
      let rouge = ROUGE(outputs: outputs, references: references)
      for (name, score) in [
        ("rouge1", rouge.rouge1), ("rouge2", rouge.rouge2), ("rougeL", rouge.rougeL),
      ] {
        let expected = Self.numbers(entry[name])
        let values = [score.precision, score.recall, score.f1]
        #expect(
          zip(values, expected).allSatisfy { Self.isClose($0, $1) } && expected.count == 3,
          "\(entry["name"]?.string ?? ""): \(name) \(values), expected \(expected)")
      }
    }
  }

  @Test("NIST agrees with NLTK")
  func nist() throws {
    for entry in try Self.fixture("cases") {
      let (outputs, references) = Self.texts(entry)
      let nist = NIST(outputs: outputs, references: references)
      let expected = try #require(entry["nist"]?.double)
      #expect(
        Self.isClose(nist.score, expected),
        "\(entry["name"]?.string ?? ""): \(nist.score), expected \(expected)")
      #expect(nist.information.count == 5)
      #expect(Self.isClose(nist.information.reduce(0, +) * nist.lengthPenalty, nist.score))
    }
  }

  @Test("outputs or references without tokens score 0 and not NaN")
  func empty() {
    for (outputs, references) in [([""], [["", " "]]), (["a b"], [[""]]), ([""], [["a", "b c"]])] {
      let metrics = GenerationMetrics(outputs: outputs, references: references)
      #expect(metrics.values.map(\.value) == [0, 0, 0, 0, 0])
    }
  }

  @Test("the names have a fixed order, and lower case affects only BLEU")
  func summary() {
    let references = [["the golden oak is a cheap pub ."], ["it serves thai food here ."]]
    let outputs = references.map { $0[0].uppercased() }
    let mixed = GenerationMetrics(outputs: outputs, references: references)
    let lower = GenerationMetrics(outputs: outputs, references: references, lowercase: true)
    #expect(mixed.values.map(\.name) == ["bleu", "rouge1", "rouge2", "rougeL", "nist"])
    #expect(mixed.values.dropFirst().elementsEqual(lower.values.dropFirst()) { $0 == $1 })
    #expect(mixed.bleu.score < 10 && Self.isClose(lower.bleu.score, 100))
    #expect(mixed.rouge.rougeL.f1 == 1)
    #expect(mixed.signature == "nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:peft-0.1.0")
    #expect(lower.signature == "nrefs:1|case:lc|eff:no|tok:13a|smooth:exp|version:peft-0.1.0")
  }

  @Test("rows with the same prompt form one group, at the place of the first")
  func groups() {
    let rows = [("b", "1"), ("a", "2"), ("b", "3"), ("\u{E9}", "4"), ("e\u{301}", "5"), ("b", "1")]
    let groups = PromptGroups(
      rows.enumerated().map {
        TextExample(text: $1.0, pair: $1.1, line: $0 + 1)
      })
    #expect(groups.prompts == ["b", "a", "\u{E9}", "e\u{301}"])
    #expect(groups.references == [["1", "3", "1"], ["2"], ["4"], ["5"]])
    #expect(groups.groups.map(\.line) == [1, 2, 4, 5])
    #expect(PromptGroups([]).groups.isEmpty)
  }
}
