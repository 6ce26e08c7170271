import Foundation
import PEFTText
import PEFTRuntime
import TestSupport
import Testing

@Suite("Tokenizers on small vocabularies")
struct TokenizerTests {
  @Test("ids, token types and truncation equal the reference's", arguments: TokenizerFixture.names)
  func reference(name: String) throws {
    let tokenizer = try TokenizerFixture.tokenizer(name)
    let cases = try TokenizerFixture.cases(name)
    #expect(cases.count == 79)
    for (index, row) in cases.enumerated() {
      let encoding = tokenizer.encode(
        row.text, pair: row.pair, maximumLength: row.maximumLength)
      #expect(encoding.ids == row.ids, "case \(index): \(row.text.debugDescription)")
      #expect(encoding.typeIDs == row.typeIDs, "case \(index)")
      let whole = tokenizer.encode(row.text, pair: row.pair)
      #expect(encoding.truncated == whole.ids.count - encoding.ids.count)
    }
  }

  @Test("a merge whose second token is a combining mark is two tokens")
  func combiningMarks() throws {
    let directory = try TemporaryDirectory()
    _ = try directory.write(
      """
      {"added_tokens": [], "normalizer": null, "pre_tokenizer": null, "post_processor": null,
       "decoder": null, "model": {"type": "BPE", "vocab": {"</s>": 0, "क": 1, "ा": 2, "का": 3},
       "merges": ["क ा"]}}
      """, to: "tokenizer.json")
    let tokenizer = try Tokenizer.load(directory: directory.path(""))
    #expect(tokenizer.encode("काक").ids.filter { $0 != 0 } == [3, 1])
  }

  @Test("many texts at once give the same as each alone", arguments: TokenizerFixture.names)
  func parallelEqualsSerial(name: String) throws {
    let tokenizer = try TokenizerFixture.tokenizer(name)
    let cases = try TokenizerFixture.cases(name)
    let texts = (0..<1000).map { cases[$0 * 7 % cases.count] }
    let together = tokenizer.encode(texts.map { ($0.text, $0.pair) }, maximumLength: 12)
    for (row, encoding) in zip(texts, together) {
      #expect(encoding == tokenizer.encode(row.text, pair: row.pair, maximumLength: 12))
    }
    #expect(together.count == texts.count)
    let none: [(text: String, pair: String?)] = []
    #expect(tokenizer.encode(none) == [])
  }

  @Test(
    "settings beside plain files put a space before each text; beside a document they may agree")
  func prefixSpace() throws {
    var files = try TokenizerFixture.files("roberta files")
    let plain = try TokenizerFixture.load(files)
    files["tokenizer_config.json"] = #"{"add_prefix_space": true}"#
    let spaced = try TokenizerFixture.load(files)
    for text in ["low newest", "hello", "the world"] {
      #expect(spaced.encode(text).ids == plain.encode(" " + text).ids)
      #expect(spaced.encode(text).ids != plain.encode(text).ids)
      #expect(spaced.encode(" " + text).ids == plain.encode(" " + text).ids)
    }
    var document = try TokenizerFixture.files("bert document")
    document["tokenizer_config.json"] = #"{"do_lower_case": false, "strip_accents": null}"#
    #expect(try TokenizerFixture.load(document).encode("new").ids == [2, 54, 3])
  }

  @Test("a maximum length below the special tokens leaves only the special tokens")
  func tooShort() throws {
    let tokenizer = try TokenizerFixture.tokenizer("bert files")
    let encoding = tokenizer.encode("new town", pair: "low", maximumLength: 1)
    #expect(encoding.ids == [2, 3, 3])
    #expect(encoding.typeIDs == [0, 0, 1])
    #expect(encoding.truncated == 3)
  }

  /// Compares words of random lengths around the limit of the scan, and long words, with the
  /// definition.
  @Test("a long word is merged by the definition")
  func longWords() throws {
    let tokenizer = try TokenizerFixture.tokenizer("roberta files")
    let ranks = try Self.mergeRanks()
    var generator = SeededGenerator(seed: 7, purpose: "words")
    let letters = Array("thelowrnsdy")
    for length in Array(60...70) + [500, 1500] {
      let word = (0..<length).map { _ in
        String(letters[Int.random(in: 0..<letters.count, using: &generator)])
      }
      let expected = Self.merged(word, ranks).compactMap(tokenizer.vocabulary.id(of:))
      #expect(tokenizer.encode(word.joined()).ids.dropFirst().dropLast() == expected[...])
    }
    for letter in ["l", "o", "e"] {
      let word = [String](repeating: letter, count: 777)
      let expected = Self.merged(word, ranks).compactMap(tokenizer.vocabulary.id(of:))
      #expect(tokenizer.encode(word.joined()).ids.dropFirst().dropLast() == expected[...])
    }
  }

  /// A quadratic method would take minutes here; the current one takes milliseconds.
  @Test(
    "a word of 100,000 characters takes almost no time",
    arguments: ["roberta files", "bert files"], ["a", "lower", "\u{301}", "\u{4E2D}", "\u{1F600}"])
  func veryLongWord(name: String, part: String) throws {
    let tokenizer = try TokenizerFixture.tokenizer(name)
    let word = String(repeating: part, count: 100_000 / part.unicodeScalars.count)
    var encoding = Encoding(ids: [], typeIDs: [], truncated: 0)
    let time = threadTime { encoding = tokenizer.encode(word) }
    #expect(time < .seconds(20))
    if name == "roberta files" { #expect(tokenizer.decode(encoding.ids) == word) }
    let again = tokenizer.encode([(text: word, pair: nil), (text: word, pair: nil)])
    #expect(again == [encoding, encoding])
  }

  /// A method that copies the text or hashes its remainder at every character would take many
  /// minutes here.
  @Test(
    "time grows linearly with the length of a text", .timeLimit(.minutes(1)),
    arguments: ["\u{4E2D}", "\u{4E2D}a", "\u{4E2D} \u{E9}", "\u{F900}\u{301}"])
  func longIdeographs(part: String) throws {
    let tokenizer = try TokenizerFixture.tokenizer("bert files")
    let count = 500_000 / part.unicodeScalars.count
    let once = tokenizer.encode(part).ids.dropFirst().dropLast()
    let many = tokenizer.encode(String(repeating: part, count: count)).ids.dropFirst().dropLast()
    #expect(many.elementsEqual(repeatElement(once, count: count).joined()))
  }

  @Test("any number of combining marks on a letter is stripped", .timeLimit(.minutes(1)))
  func heapedMarks() throws {
    let tokenizer = try TokenizerFixture.tokenizer("bert files")
    let plain = tokenizer.encode("new").ids
    for count in [1, 30, 31, 32, 33, 40, 200_000] {
      let heap = String(repeating: "\u{301}\u{323}", count: count)
      #expect(tokenizer.encode("ne\(heap)w").ids == plain)
    }
    // Enclosing and spacing marks are kept, in canonical order.
    let kept = "a" + String(repeating: "\u{302E}\u{1D16E}\u{1D165}", count: 100) + "b"
    #expect(
      tokenizer.encode(kept).ids == tokenizer.encode(kept.decomposedStringWithCanonicalMapping).ids)
  }

  @Test(
    "a word without a length limit takes linear time", .timeLimit(.minutes(1)))
  func unlimitedWord() throws {
    let tokenizer = try TokenizerFixture.load([
      "tokenizer.json": """
      {"added_tokens": [], "normalizer": {"type": "BertNormalizer", "lowercase": true},
       "pre_tokenizer": {"type": "BertPreTokenizer"}, "post_processor": null,
       "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
        "max_input_chars_per_word": 9223372036854775807,
        "vocab": {"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "a": 3, "##a": 4, "aaaa": 5, "##aaa": 6,
         "##\u{E9}": 7, "##z": 8}}}
      """
    ])
    func ids(_ word: String) -> [Int32] { tokenizer.encode(word).ids.dropFirst().dropLast() }
    #expect(ids("aaaaaaaaa") == [5, 6, 4, 4])
    #expect(ids("aaaaz") == [5, 8] && ids("az") == [3, 8] && ids("aaaab") == [0])
    let count = 300_001
    let word = String(repeating: "a", count: count)
    #expect(ids(word) == [5] + Array(repeating: 6, count: (count - 4) / 3))
    #expect(ids(word + "b") == [0])
  }

  @Test("tokens that are equal only by Unicode's equivalence are two tokens")
  func canonicalEquivalents() throws {
    let tokens = ["[UNK]", "[CLS]", "[SEP]", "\u{E9}", "e\u{301}", "\u{212B}", "\u{C5}"]
    let tokenizer = try TokenizerFixture.load([
      "vocab.txt": tokens.joined(separator: "\n"),
      "tokenizer_config.json": #"{"do_lower_case": false}"#,
    ])
    #expect(tokenizer.vocabularySize == 7)
    for (id, token) in tokens.enumerated().dropFirst(3) {
      #expect(tokenizer.vocabulary.id(of: token) == Int32(id))
      #expect(tokenizer.encode(token).ids == [1, Int32(id), 2])
    }
  }

  @Test("decoding leaves out special tokens and restores the text")
  func decoding() throws {
    for row in try TokenizerFixture.cases("roberta files") where row.maximumLength == nil {
      let tokenizer = try TokenizerFixture.tokenizer("roberta files")
      #expect(tokenizer.decode(row.ids) == row.text + (row.pair ?? ""))
    }
  }

  /// Byte-level BPE by its definition, on ASCII.
  private static func merged(_ word: [String], _ ranks: [[String]: Int]) -> [String] {
    var symbols = word
    while true {
      let pairs = zip(symbols, symbols.dropFirst()).map { ranks[[$0, $1]] ?? .max }
      guard let best = pairs.min(), best < .max, let index = pairs.firstIndex(of: best) else {
        return symbols
      }
      symbols[index] += symbols.remove(at: index + 1)
    }
  }

  private static func mergeRanks() throws -> [[String]: Int] {
    let text = try #require(TokenizerFixture.files("roberta files")["merges.txt"])
    let lines = text.split(separator: "\n").dropFirst().map {
      $0.split(separator: " ").map(String.init)
    }
    return Dictionary(uniqueKeysWithValues: zip(lines, 0...))
  }
}
