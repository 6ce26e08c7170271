import PEFTRuntime
import PEFTText
import Testing

@Suite("Tokenizers of every stage against the reference")
struct StageGoldenTests {
  @Test("there are tokenizers of fifteen layouts")
  func fixtures() throws {
    #expect(StageFixture.all.count == 15)
    for fixture in StageFixture.all {
      let cases = try fixture.cases()
      #expect(cases.count >= 50 && cases.filter { $0.ids.count > 6 }.count > 20)
      #expect(try fixture.words().count == 10)
      #expect(try fixture.decodes().filter { $0.text.count > 5 }.count > 20)
    }
  }

  @Test("ids, token types and truncation", arguments: StageFixture.all)
  func texts(_ fixture: StageFixture) throws {
    let tokenizer = try fixture.tokenizer()
    for (index, row) in try fixture.cases().enumerated() {
      let encoding = tokenizer.encode(row.text, pair: row.pair, maximumLength: row.maximumLength)
      #expect(encoding.ids == row.ids, "case \(index): \(row.text.debugDescription)")
      #expect(encoding.typeIDs == row.typeIDs, "case \(index)")
      #expect(encoding.wordIndices == [])
      let whole = tokenizer.encode(row.text, pair: row.pair)
      #expect(encoding.truncated == whole.ids.count - encoding.ids.count)
    }
  }

  @Test("ids of words, and the word of each token", arguments: StageFixture.all)
  func words(_ fixture: StageFixture) throws {
    let tokenizer = try fixture.tokenizer()
    for (index, row) in try fixture.words().enumerated() {
      let encoding = tokenizer.encode(words: row.words, maximumLength: row.maximumLength)
      #expect(encoding.ids == row.ids, "case \(index): \(row.words)")
      #expect(encoding.wordIndices == row.wordIndices, "case \(index): \(row.words)")
      #expect(encoding.typeIDs.count == row.ids.count)
      let whole = tokenizer.encode(words: row.words)
      #expect(encoding.truncated == whole.ids.count - encoding.ids.count)
    }
  }

  @Test("decoded texts", arguments: StageFixture.all)
  func decodes(_ fixture: StageFixture) throws {
    let tokenizer = try fixture.tokenizer()
    for (ids, text) in try fixture.decodes() {
      #expect(Array(tokenizer.decode(ids).utf8) == Array(text.utf8), "\(ids)")
    }
  }

  @Test("many texts at once give the same as each alone", arguments: StageFixture.all)
  func parallelEqualsSerial(_ fixture: StageFixture) throws {
    let tokenizer = try fixture.tokenizer()
    let cases = try fixture.cases()
    let texts = (0..<500).map { cases[$0 * 7 % cases.count] }
    let together = tokenizer.encode(texts.map { ($0.text, $0.pair) }, maximumLength: 12)
    #expect(together == texts.map { tokenizer.encode($0.text, pair: $0.pair, maximumLength: 12) })
  }

  @Test("marks that a character decomposes into are put in order with their neighbours")
  func hiddenMarks() throws {
    let qwen = try #require(StageFixture.all.first { $0.testDescription == "qwen" }).tokenizer()
    for (vowel, text) in [
      ("\u{F73}", "\u{F71}\u{F71}\u{F72}\u{F72}"), ("\u{F75}", "\u{F71}\u{F71}\u{F74}\u{F74}"),
      ("\u{F81}", "\u{F71}\u{F71}\u{F80}\u{F80}"),
    ] {
      let ids = qwen.encode("a" + vowel + vowel + "b").ids
      #expect(ids == qwen.encode("a" + text + "b").ids && ids.count > 8)
    }
    #expect(qwen.encode("\u{F72}\u{F73}").ids == qwen.encode("\u{F71}\u{F72}\u{F72}").ids)
  }

  /// A quadratic method would take minutes here.
  @Test(
    "time grows linearly with the length of a text", .timeLimit(.minutes(1)),
    arguments: StageFixture.all)
  func longTexts(_ fixture: StageFixture) throws {
    let tokenizer = try fixture.tokenizer()
    for part in ["x", "the ", "\u{4E2D}", "e\u{301}", "\u{1F600}", "\n", "7", "\u{301}\u{323}"] {
      let count = 100_000 / part.unicodeScalars.count
      let encoding = tokenizer.encode(String(repeating: part, count: count))
      #expect(encoding == tokenizer.encode(String(repeating: part, count: count)))
    }
  }

  @Test("an empty list of words gives only special tokens")
  func noWords() throws {
    let fixture = try #require(StageFixture.all.first { $0.testDescription == "xlmr" })
    let encoding = try fixture.tokenizer().encode(words: ["", ""])
    #expect(encoding.ids == [0, 2] && encoding.wordIndices == [nil, nil])
  }
}
