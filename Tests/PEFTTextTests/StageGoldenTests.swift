import PEFTRuntime
import PEFTText
import Testing

@Suite("Tokenizers of every stage against the reference")
struct StageGoldenTests {
  @Test("there are tokenizers of sixteen layouts")
  func fixtures() throws {
    #expect(StageFixture.all.count == 16)
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

  @Test(
    "ids of 20,000 code points by Unigram models",
    arguments: ["xlmr", "camembert", "albert", "unigram bytes"])
  func codePoints(name: String) throws {
    let fixture = try #require(StageFixture.all.first { $0.testDescription == name })
    let tokenizer = try fixture.tokenizer()
    let sparse = stride(from: 0x20 + 13_000, to: 0x110000, by: 17).lazy
      .filter { !(0xD800..<0xE000).contains($0) }
    let points = (Array(0x20..<0x20 + 13_000) + sparse.prefix(7000)).compactMap {
      Unicode.Scalar($0).map(String.init)
    }
    try #require(points.count == 20_000)
    let lines = stride(from: 0, to: points.count, by: 20).map { start in
      let text = points[start..<start + 20].map { "a\($0)b \($0)" }.joined(separator: " ")
      return tokenizer.encode(text).ids.map(String.init).joined(separator: " ")
    }
    let expected = try fixture.codePointDigests()
    #expect(expected.count == 20)
    for (block, digest) in expected.enumerated() {
      let block = lines[block * 50..<(block + 1) * 50]
      var found = SHA256()
      found.append(Array(block.joined(separator: "\n").utf8))
      #expect(found.hexadecimal == digest, "from \(points[block.startIndex * 20].debugDescription)")
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
