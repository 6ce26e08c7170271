import PEFTData
import PEFTTensor
import TestSupport
import Testing

@Suite("Refused data files")
struct DataReaderRefusalTests {
  struct Case: CustomTestStringConvertible, Sendable {
    let format: DataFormat
    let bytes: [UInt8]
    let columns: String?
    let place: String
    let message: String

    init(
      _ format: DataFormat, _ text: String, columns: String? = nil, at place: String,
      _ message: String
    ) {
      self.init(format, Array(text.utf8), columns: columns, at: place, message)
    }

    init(
      _ format: DataFormat, _ bytes: [UInt8], columns: String? = nil, at place: String,
      _ message: String
    ) {
      (self.format, self.bytes, self.columns, self.place, self.message) =
        (format, bytes, columns, place, message)
    }

    var testDescription: String { "\(format) \(String(decoding: bytes, as: UTF8.self))" }
  }

  static let encoding: [Case] = [
    Case(.tsv, Array("a\t1\nb".utf8) + [0xF0] + Array("c\t0\n".utf8), at: "line 2, byte 2", "0xF0"),
    Case(.csv, [0x61, 0xC3], at: "line 1, byte 2", "iconv -f latin1 -t utf8"),
    Case(.tsv, [0xED, 0xA0, 0x80], at: "line 1, byte 1", "0xED"),
    Case(.tsv, [0xC0, 0x80], at: "line 1, byte 1", "0xC0"),
    Case(.tsv, [0xF4, 0x90, 0x80, 0x80], at: "line 1, byte 1", "0xF4"),
    Case(.tsv, [0xFF, 0xFE, 0x61, 0], at: "", "iconv -f utf-16 -t utf-8"),
    Case(.tsv, "a\t1\n\0\t1\n", at: "line 2, byte 1", "NUL"),
    Case(.jsonl, "{\"text\":\"a\\u0000\"}", at: "line 1", "NUL"),
  ]

  static let tables: [Case] = [
    Case(.csv, "", at: "", "no rows"),
    Case(.tsv, "\n\n", at: "", "no rows"),
    Case(.csv, "text,label\n", at: "", "no rows"),
    Case(.csv, "a,1\nb\n", at: "line 2", "1 columns where line 1 has 2"),
    Case(.csv, "a,1\n\"b\nb\",1\nc,d,0\n", at: "line 4", "3 columns where line 1 has 2"),
    Case(.csv, "a,1\nb\"b,1\n", at: "line 2", "quotation mark inside"),
    Case(.csv, "a,1\n\"b\"b,1\n", at: "line 2", "after a closing"),
    Case(.csv, "a,1\n\"b\" ,1\n", at: "line 2", "after a closing"),
    Case(.csv, "a,1\n\"b\nb,1\n", at: "line 2", "never closed"),
    Case(.csv, "a,1\rb,1\r", at: "line 1", "carriage return"),
    Case(.csv, "a,1\n\nb,1\n", at: "line 2", "empty line"),
    Case(.csv, "\na,1\n", at: "line 1", "empty line"),
    Case(.tsv, "a\t1\n\r\n\nb\t1\n", at: "line 2", "empty line"),
    Case(.tsv, "a\t1\nb\tc\t1\n", at: "line 2", "3 columns where line 1 has 2"),
    Case(.tsv, "a\t1\nb\t\n", at: "line 2", "label is empty"),
    Case(.tsv, "a\tb\tc\td\n", at: "line 1", "4 columns without a header"),
    Case(.tsv, "review\tlabel\n", at: "line 1", "header or a row"),
    Case(.tsv, "index\tlabel\n", at: "line 1", "no text column"),
    Case(.tsv, "text\tsentence\n", at: "line 1", "not clear"),
    Case(.tsv, "text_a\tlabel\n", at: "line 1", "the column text_a lacks its other half"),
    Case(.tsv, "text\ttext\n", at: "line 1", "not clear"),
    Case(.tsv, "a\t1\n", columns: "text=3", at: "line 1", "column 3 is selected"),
    Case(.tsv, "a\tb\nc\t1\n", columns: "text=z", at: "line 1", "choose from a, b"),
    Case(.tsv, "a\ta\nc\t1\n", columns: "text=a", at: "line 1", "occurs twice"),
    Case(.tsv, "a\tb\nc\t1\n", columns: "text=1,label=a", at: "line 1", "two purposes"),
  ]

  static let lines: [Case] = [
    Case(.jsonl, "", at: "", "no rows"),
    Case(.jsonl, "{\"text\":\"a\"}\n{\"text\":\n", at: "line 2, byte 9", "value is due"),
    Case(.jsonl, "[\n{\"text\":\"a\"}\n]", at: "line 1, byte 2", "jq -c"),
    Case(.jsonl, "[{\"text\":\"a\"}]", at: "line 1", "jq -c"),
    Case(.jsonl, "3", at: "line 1", "a line holds a number"),
    Case(.jsonl, "{\"text\":\"a\"}\n\n{\"text\":\"a\"}", at: "line 2", "empty line"),
    Case(.jsonl, "{\"label\":\"a\"}", at: "line 1", "no text column"),
    Case(.jsonl, "{\"text\":3}", at: "line 1", "\"text\" is a number instead of a string"),
    Case(.jsonl, "{\"text\":\"a\",\"label\":{}}", at: "line 1", "\"label\" is an object"),
    Case(.jsonl, "{\"text\":\"a\",\"label\":[[1]]}", at: "line 1", "a list with an array"),
    Case(.jsonl, "{\"text\":\"a\",\"labels\":[\"\"]}", at: "line 1", "a list with a string"),
    Case(
      .jsonl, "{\"text\":\"a\",\"label\":[\"x\"]}\n{\"text\":\"a\",\"label\":\"x\"}", at: "line 2",
      "a label, but line 1 has a list of labels"),
    Case(.jsonl, "{\"text\":\"a\",\"label\":\"\"}", at: "line 1", "label is empty"),
    Case(.jsonl, "{\"text\":\"a\",\"text\":\"b\"}", at: "line 1, byte 13", "occurs twice"),
    Case(
      .jsonl, "{\"text\":\"a\",\"label\":1}\n{\"text\":\"a\"}", at: "line 2",
      "no label, but line 1 has one"),
    Case(
      .jsonl, "{\"text\":\"a\"}\n{\"text\":\"a\",\"label\":1}", at: "line 2",
      "a label, but line 1 has none"),
    Case(.jsonl, "{\"text\":\"a\",\"text_a\":\"b\"}", at: "line 1", "not clear"),
    Case(.jsonl, "{\"text\":\"a\"}", columns: "text=1", at: "", "have keys"),
    Case(.jsonl, "{\"text\":\"a\"}", columns: "text=b", at: "line 1", "\"b\" is missing"),
  ]

  @Test("the error names the place and the reason", arguments: encoding + tables + lines)
  func refuses(refused: Case) throws {
    let columns = try refused.columns.map(ColumnSelection.parse)
    let error = #expect(throws: FileError.self) {
      try DataReader.parse(
        refused.bytes, path: "data.x", format: refused.format, columns: columns)
    }
    #expect(error?.path == "data.x")
    #expect(error?.place == refused.place)
    let message = error?.description ?? ""
    #expect(message.contains(refused.message), "\(message)")
  }

  @Test("refuses files that cannot be read")
  func unreadable() {
    let missing = #expect(throws: FileError.self) { try DataReader.read(path: "/no/such/file.tsv") }
    #expect(missing?.kind == .notFound)
    let directory = #expect(throws: FileError.self) { try DataReader.read(path: "/", format: .csv) }
    #expect(directory?.kind == .unsupported)
  }

  @Test("no mutation of bytes crashes a reader", arguments: DataFormat.allCases)
  func mutations(format: DataFormat) {
    let seeds = [
      "text,label\r\n\"a \"\"b\"\"\",1\r\n\"x\ny\",0\r\né,2\r\n", "text\tlabel\n\"a\t1\r\nb\t0\n",
      "{\"text\":\"a\\n\\u00e9\",\"label\":1}\n{\"text\":\"é😀\",\"label\":\"b\"}\n",
      "a,b,1\nc,d,0\n", "a: b||c \nd||e\n",
    ].map { Array($0.utf8) }
    let alphabet =
      Array("\"\r\n\t,{}:\\[]a1|".utf8) + [0, 0xC3, 0xEF, 0xBB, 0xBF, 0xF0, 0x80, 0xFF]
    var random = SeededRandom(11)
    var accepted = 0
    for _ in 0..<20_000 {
      var bytes = seeds[Int.random(in: 0..<seeds.count, using: &random)]
      for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
        let position = Int.random(in: 0..<bytes.count, using: &random)
        let byte = alphabet[Int.random(in: 0..<alphabet.count, using: &random)]
        switch Int.random(in: 0..<4, using: &random) {
        case 0: bytes[position] = byte
        case 1: bytes.insert(byte, at: position)
        case 2: bytes.remove(at: position)
        default: bytes.removeSubrange(position...)
        }
      }
      let rows = try? DataReader.parse(bytes, path: "data", format: format)
      if let rows {
        accepted += 1
        if rows.isEmpty || rows.contains(where: { $0.line < 1 }) { Issue.record("\(bytes)") }
      }
    }
    #expect(accepted > 100)
  }
}
