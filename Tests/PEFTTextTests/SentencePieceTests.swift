import PEFTRuntime
import PEFTText
import Testing

@Suite("SentencePiece files")
struct SentencePieceTests {
  private static let names = ["sentencepiece.bpe.model", "spiece.model"]

  private static func bytes(_ name: String) throws -> [UInt8] {
    let fixture = try #require(StageFixture.all.first { $0.testDescription == name })
    return try #require(fixture.files()[name])
  }

  private static func load(_ bytes: [UInt8], _ name: String) throws -> Tokenizer {
    try Tokenizer(
      sentencePiece: bytes, order: name == "spiece.model" ? .file : .fairseq, path: name)
  }

  @Test("the template is that of the class with such files")
  func templates() throws {
    let fairseq = try Self.load(Self.bytes(Self.names[0]), Self.names[0])
    #expect(
      fairseq.template == .roberta && fairseq.special.mask == Int32(fairseq.vocabularySize - 1))
    let own = try Self.load(Self.bytes(Self.names[1]), Self.names[1])
    #expect(own.template == .t5 && own.special.end == 1)
  }

  @Test("a file in the other byte order is refused", arguments: names)
  func otherOrder(name: String) throws {
    let error = try #require(throws: FileError.self) {
      try Tokenizer(
        sentencePiece: Self.bytes(name), order: name == "spiece.model" ? .fairseq : .file,
        path: name)
    }
    #expect(error.kind == .unsupported && error.path == name && !error.remedy.isEmpty)
  }

  @Test("a class that numbers the pieces differently is refused")
  func otherClass() throws {
    let name = Self.names[0]
    func load(_ kind: String) throws -> Tokenizer {
      try TokenizerFixture.load([
        name: Self.bytes(name),
        "tokenizer_config.json": Array(#"{"tokenizer_class": "\#(kind)"}"#.utf8),
      ])
    }
    #expect(try load("XLMRobertaTokenizerFast").files == [name, "tokenizer_config.json"])
    let error = try #require(throws: FileError.self) { try load("CamembertTokenizer") }
    #expect(error.place == "tokenizer_class")
  }

  @Test("a truncated file is refused or gives a consistent tokenizer", arguments: names)
  func cuts(name: String) throws {
    let bytes = try Self.bytes(name)
    var refused = 0
    for count in 0..<bytes.count {
      do {
        try Self.check(Self.load(Array(bytes.prefix(count)), name))
      } catch let error as FileError {
        #expect(error.path == name && !error.reason.isEmpty && !error.remedy.isEmpty)
        refused += 1
      }
    }
    #expect(refused > bytes.count / 2)
  }

  @Test("changed bytes are refused or give a consistent tokenizer", arguments: names)
  func changes(name: String) throws {
    let bytes = try Self.bytes(name)
    var generator = SeededGenerator(seed: 1, purpose: "changes")
    var refused = 0
    for _ in 0..<4000 {
      var changed = bytes
      for _ in 0..<Int.random(in: 1...3, using: &generator) {
        let index = Int.random(in: changed.indices, using: &generator)
        changed[index] = UInt8.random(in: .min ... .max, using: &generator)
      }
      do { try Self.check(Self.load(changed, name)) } catch is FileError { refused += 1 }
    }
    #expect(refused > 100)
  }

  private static func check(_ tokenizer: Tokenizer) {
    for text in ["", "the film", "\u{E9}e\u{301}\u{4E2D}\u{1F600}AB\r\n \u{FB01}"] {
      let encoding = tokenizer.encode(text)
      #expect(encoding.ids.allSatisfy { $0 >= 0 && $0 < tokenizer.vocabularySize })
      _ = tokenizer.decode(encoding.ids)
    }
  }

  @Test("any bytes as a table of characters", arguments: 0..<200)
  func tables(seed: Int) throws {
    var generator = SeededGenerator(seed: UInt64(seed), purpose: "tables")
    let units = Int.random(in: 1...300, using: &generator)
    var table = withUnsafeBytes(of: UInt32(4 * units).littleEndian) { Array($0) }
    for _ in 0..<units {
      // Few labels and small offsets, so that bytes lead to valid entries.
      let unit =
        UInt32.random(in: 0x60...0x66, using: &generator)
        | UInt32.random(in: 0...1, using: &generator) << 8
        | UInt32.random(in: 0...255, using: &generator) << 10
      table += withUnsafeBytes(of: unit.littleEndian) { Array($0) }
    }
    table += Array("abc\0de\0".utf8)
    let model =
      Self.field(1, Self.field(1, Array("<unk>".utf8)) + [0x18, 2])
      + Self.field(1, Self.field(1, Array("</s>".utf8)) + [0x18, 3])
      + Self.field(1, Self.field(1, Array("a".utf8)))
      + Self.field(3, Self.field(2, table))
    let tokenizer = try Tokenizer(sentencePiece: model, order: .file, path: "table")
    let ids = tokenizer.encode("abcdefabc ffeedd").ids
    #expect(ids.last == 1 && ids.count > 1 && ids.allSatisfy { (0..<3).contains($0) })
  }

  /// A protocol buffer field that contains bytes.
  private static func field(_ number: UInt8, _ bytes: [UInt8]) -> [UInt8] {
    var count = bytes.count
    var header = [number << 3 | 2]
    while count >= 0x80 {
      header.append(UInt8(count & 0x7F) | 0x80)
      count >>= 7
    }
    return header + [UInt8(count)] + bytes
  }
}
