import Foundation
import PEFTData
import PEFTTensor
import Testing

@Suite("Accepted data files")
struct DataReaderFormatTests {
  static func rows(
    _ text: String, _ format: DataFormat, columns: String? = nil
  ) throws -> [TextExample] {
    try DataReader.parse(
      Array(text.utf8), path: "data", format: format,
      columns: try columns.map(ColumnSelection.parse))
  }

  @Test(
    "RFC 4180, section 2",
    arguments: [
      ("aaa,bbb\r\nzzz,yyy\r\n", [["aaa", "bbb", "1"], ["zzz", "yyy", "2"]]),
      ("aaa,bbb\r\nzzz,yyy", [["aaa", "bbb", "1"], ["zzz", "yyy", "2"]]),
      ("aaa,bbb\nzzz,yyy\n", [["aaa", "bbb", "1"], ["zzz", "yyy", "2"]]),
      ("text,label\r\naaa,bbb\r\n", [["aaa", "bbb", "2"]]),
      ("\"aaa\",\"bbb\"\r\nzzz,yyy", [["aaa", "bbb", "1"], ["zzz", "yyy", "2"]]),
      ("\"b\r\nbb\",c\r\nzzz,yyy", [["b\r\nbb", "c", "1"], ["zzz", "yyy", "3"]]),
      ("\"a,a\nx\",c\nzzz,y", [["a,a\nx", "c", "1"], ["zzz", "y", "3"]]),
      ("\"b\"\"bb\",ccc", [["b\"bb", "ccc", "1"]]),
      ("\"\"\"\",ccc", [["\"", "ccc", "1"]]),
      ("\"\",ccc", [["", "ccc", "1"]]),
      (",ccc", [["", "ccc", "1"]]),
      (" a b ,  c", [[" a b ", "  c", "1"]]),
      ("\u{FEFF}\"é,😀\",c\n\n\r\n", [["é,😀", "c", "1"]]),
    ])
  func csv(text: String, expected: [[String]]) throws {
    let rows = try Self.rows(text, .csv)
    #expect(rows.map { [$0.text, $0.label ?? "-", String($0.line)] } == expected)
  }

  @Test("TSV has no quoting, keeps spaces and drops a trailing carriage return")
  func tsv() throws {
    let rows = try Self.rows("\"a \t1\r\nb\"b\"\t\"0\"\n it 's \t1", .tsv)
    #expect(rows.map(\.text) == ["\"a ", "b\"b\"", " it 's "])
    #expect(rows.map(\.label) == ["1", "\"0\"", "1"])
    #expect(rows.map(\.line) == [1, 2, 3])
  }

  @Test(
    "columns by known names, by number of columns and by selection",
    arguments: [
      ("sentence\tlabel\nx\t1\n", nil, ["x", "-", "1"]),
      ("Label\tText\n1\tx\n", nil, ["x", "-", "1"]),
      ("index\tsentence\n0\tx\n", nil, ["x", "-", "-"]),
      ("index\tquestion\tsentence\tlabel\n0\tx\ty\tz\n", nil, ["x", "y", "z"]),
      ("idx\tgenre\thypothesis\tpremise\tlabel\n0\tg\ty\tx\tz\n", nil, ["x", "y", "z"]),
      ("sentence1\tsentence2\nx\ty\n", nil, ["x", "y", "-"]),
      ("text\nx\n", nil, ["x", "-", "-"]),
      ("x\n", nil, ["x", "-", "-"]),
      ("x\t1\n", nil, ["x", "-", "1"]),
      ("x\ty\t1\n", nil, ["x", "y", "1"]),
      ("1\tx\n", "text=2,label=1", ["x", "-", "1"]),
      ("a\tb\tc\td\n", "text=4, pair=1, label=2", ["d", "a", "b"]),
      ("a\tb\n", "text=2,header=no", ["b", "-", "-"]),
      ("review\tlabel\nx\t1\n", "text=review,label=label", ["x", "-", "1"]),
      ("review\tclass\nx\t1\n", "text=1,label=2,header=yes", ["x", "-", "1"]),
      ("text\tlabel\nx\t1\n", "text=1", ["x", "-", "-"]),
      ("question\t1\n", "text=1,label=2,header=no", ["question", "-", "1"]),
    ] as [(String, String?, [String])])
  func columns(text: String, selection: String?, expected: [String]) throws {
    let rows = try Self.rows(text, .tsv, columns: selection)
    #expect(rows.map { [$0.text, $0.pair ?? "-", $0.label ?? "-"] } == [expected])
  }

  @Test(
    "JSON lines: keys, kinds of label, ignored keys",
    arguments: [
      (#"{"text":"x","label":"pos","id":[1]}"#, nil, ["x", "-", "pos"]),
      (#"{"label":1,"sentence":"a\n\u00e9"}"#, nil, ["a\né", "-", "1"]),
      (#"{"text_b":"y","text_a":"x","label":3.5}"#, nil, ["x", "y", "3.5"]),
      (#"{"sentence1":"x","sentence2":"y","label":true}"#, nil, ["x", "y", "true"]),
      (#"{"premise":"x","hypothesis":"y","label":null}"#, nil, ["x", "y", "-"]),
      (#"{"question":"x","sentence":"y"}"#, nil, ["x", "y", "-"]),
      (#"{"review":"x","stars":5,"text":1}"#, "text=review,label=stars", ["x", "-", "5"]),
    ] as [(String, String?, [String])])
  func jsonl(line: String, selection: String?, expected: [String]) throws {
    let rows = try Self.rows("\u{FEFF}\(line)\r\n\n \n", .jsonl, columns: selection)
    #expect(rows.map { [$0.text, $0.pair ?? "-", $0.label ?? "-"] } == [expected])
  }

  @Test("a directory in place of a file is refused with a way to make one of it")
  func directory() throws {
    let place = FileManager.default.temporaryDirectory.path
    #expect {
      try DataReader.read(path: place)
    } throws: { error in
      "\(error)".contains("it is a directory") && "\(error)".contains("JSON lines")
    }
  }

  @Test("an empty text is kept and counted")
  func emptyTexts() throws {
    let rows = try Self.rows("a\t1\n\t0\n  \t1\n", .tsv)
    #expect(rows.map(\.text) == ["a", "", "  "])
    #expect(
      DataReader.warnings(about: rows, path: "data")
        == ["data: 2 rows have an empty text, the first in line 2"])
    #expect(DataReader.warnings(about: [rows[0]], path: "data").isEmpty)
  }

  @Test(
    "the extension decides the format",
    arguments: [
      ("a/b.jsonl", DataFormat.jsonl), ("b.json", .jsonl), ("x.CSV", .csv), ("x.tsv", .tsv),
      ("a.b/x.txt", .tsv),
    ])
  func extensions(path: String, format: DataFormat) throws {
    #expect(try DataFormat(extensionOf: path) == format)
  }

  @Test("an unknown extension names the option", arguments: ["a", "a.gz", "dir.csv/a", "", ".csv"])
  func unknownExtensions(path: String) {
    if path == ".csv" {
      #expect((try? DataFormat(extensionOf: path)) == .csv)
      return
    }
    let error = #expect(throws: FileError.self) { try DataFormat(extensionOf: path) }
    #expect(error?.kind == .unsupported)
    #expect(error?.remedy.contains("`format`") == true)
  }

  @Test(
    "refuses invalid selections",
    arguments: [
      ("", "not of the form"), ("text", "not of the form"), ("label=2", "text column is missing"),
      ("text=0", "numbered from 1"), ("text=99999999999999999999", "numbered from 1"),
      ("text=1,text_a=2", "text occurs twice"), ("text=1,label=1", "taken twice"),
      ("text=1,colour=2", "is not text"), ("text=1,header=maybe", "yes or no"),
      ("text=a,header=no", "no names"), ("text=1,", "not of the form"),
    ])
  func refusedSelections(selection: String, reason: String) {
    let error = #expect(throws: ColumnSelection.SyntaxError.self) {
      try ColumnSelection.parse(selection)
    }
    #expect(error?.description.contains(reason) == true, "\(error?.description ?? "")")
  }
}
