import PEFTData
import PEFTTensor
import PEFTText
import Testing

@Suite("Texts in several columns")
struct JoinedColumnsTests {
  private static func read(
    _ text: String, as format: DataFormat = .csv, columns: String? = nil
  ) throws -> [TextExample] {
    try DataReader.parse(
      Array(text.utf8), path: "t", format: format,
      columns: columns.map { try ColumnSelection.parse($0) })
  }

  @Test(
    "columns are joined in order by one space, and empty ones are left out",
    arguments: [
      ("1,a b,c\n2,d,\n1,,e\n", DataFormat.csv, "text=2+3,label=1", ["a b c", "d", "e"]),
      ("1,a b,c\n2,d,\n", .csv, "text=3+2,label=1", ["c a b", "d"]),
      ("x\ty\tz\na\tb\t1\nc\td\t0\n", .tsv, "text=x+y,label=z", ["a b", "c d"]),
      (
        #"{"title":"a","body":"b ","n":1}"# + "\n" + #"{"title":"","body":"c","n":2}"#, .jsonl,
        "text = title + body,label=n", ["a b ", "c"]
      ),
      // One column stays as it is.
      (" a ,1\n,0\n", .csv, "text=1,label=2", [" a ", ""]),
    ])
  func joins(text: String, format: DataFormat, columns: String, expected: [String]) throws {
    let rows = try Self.read(text, as: format, columns: columns)
    #expect(rows.map(\.text) == expected)
    #expect(rows.allSatisfy { $0.pair == nil && $0.label != nil })
  }

  @Test("the texts of pairs may be joined too, and rows have their ids")
  func pairs() throws {
    let rows = try Self.read(
      "7,a,b,c,d,1\n8,e,f,g,h,0\n", columns: "text_a=2+3,text_b=5+4,label=6,id=1")
    #expect(rows.map(\.text) == ["a b", "e f"] && rows.map(\.pair) == ["d c", "h g"])
    #expect(rows.map(\.id) == ["7", "8"])
    let named = try Self.read("idx,sentence,label\n5,a,x\n6,b,y\n")
    #expect(named.map(\.id) == ["5", "6"])
    let lines = try Self.read(#"{"id":12,"text":"a"}"#, as: .jsonl)
    #expect(lines.map(\.id) == ["12"])
  }

  @Test(
    "a selection survives its text and its JSON",
    arguments: [
      "text=1,label=2", "text=2+3,label=1", "text=title+body,pair=a+b,label=c,id=d,header=yes",
      "text=3+1,header=no",
    ])
  func roundTrip(text: String) throws {
    let selection = try ColumnSelection.parse(text)
    #expect(selection.description == text)
    #expect(try ColumnSelection.parse(selection.description) == selection)
    let json = try JSONValue(parsing: selection.json.text().utf8)
    #expect(ColumnSelection(json: json) == selection)
  }

  @Test("one column is written as before")
  func oneColumn() throws {
    let json = try ColumnSelection.parse("text=1,label=stars").json.text()
    #expect(json == #"{"text":1,"label":"stars","header":true}"#)
  }

  @Test(
    "what is not a selection as JSON is refused",
    arguments: [
      "{}", #"{"text":[]}"#, #"{"text":0}"#, #"{"text":[1,true]}"#, #"{"text":1,"label":[2,3]}"#,
    ])
  func refusedJSON(text: String) throws {
    #expect(ColumnSelection(json: try JSONValue(parsing: text.utf8)) == nil)
  }

  @Test(
    "wrong selections of several columns are refused",
    arguments: [
      ("text=C++,label=1", "plus sign"), ("text=1+1,label=2", "taken twice"),
      ("text=1+2,label=2", "taken twice"), ("text=1,label=2+3", "only texts are joined"),
      ("text=1,id=2+3", "only texts are joined"),
    ])
  func refused(selection: String, reason: String) {
    let error = #expect(throws: ColumnSelection.SyntaxError.self) {
      try ColumnSelection.parse(selection)
    }
    #expect(error?.description.contains(reason) == true, "\(error?.description ?? "")")
  }

  @Test("title and description are joined without being asked; beside a text they are not")
  func knownNames() throws {
    let news = "Class Index,Title,Description\n3,a b,c d\n1,e,f\n"
    let rows = try Self.read(news)
    #expect(rows.map(\.text) == ["a b c d", "e f"] && rows.map(\.label) == ["3", "1"])
    let lines = try Self.read(#"{"title":"a","content":"b","label":1}"#, as: .jsonl)
    #expect(lines.map(\.text) == ["a b"] && lines.map(\.label) == ["1"])
    let beside = try Self.read("label,title,text\n1,a,b\n0,c,d\n")
    #expect(beside.map(\.text) == ["b", "d"])
  }

  @Test(
    "numbers that select a label by the name of a text, or a text by that of a label, are refused")
  func roles() throws {
    let text = "text,label\na b,1\nc d,0\n"
    let error = #expect(throws: FileError.self) { try Self.read(text, columns: "text=2,label=1") }
    #expect(error?.reason.contains("\"label\"") == true)
    #expect(try Self.read(text, columns: "text=2,label=1,header=yes").count == 2)
    #expect(try Self.read(text, columns: "text=1,label=2").count == 2)
  }

  @Test("a summary names the keys that are joined, and the columns that are not used")
  func summaries() throws {
    let reader = TaskReader(
      isCausal: false,
      tokenizer: try ByteLevelBPETrainer.train(
        texts: ["t"], vocabularySize: 300, specialTokens: SpecialTokenTemplate.roberta.specialTokens
      ).tokenizer(template: .roberta), maximumLength: 8)
    func columns(_ text: String, _ path: String) throws -> String? {
      try reader.rows(Array(text.utf8), path: path, kind: .auto).columns
    }
    let lines = #"{"title":"a","body":"b","text_id":1}"#
    #expect(try columns(lines, "t.jsonl") == #"text = "title" + "body""#)
    #expect(
      try columns("label,title,text\n1,a,b\n0,c,d\n", "t.csv")
        == #"text = column 3 "text", label = column 1 "label" (not used: "title")"#)
  }

  @Test("one text per line: tabs, commas and quotation marks are content")
  func lines() throws {
    let rows = try Self.read("a,\"b\"\tc\r\n d\n\n", as: .lines)
    #expect(rows.map(\.text) == ["a,\"b\"\tc", " d"] && rows.map(\.line) == [1, 2])
    #expect(throws: FileError.self) { try Self.read("a\n\nb\n", as: .lines) }
  }
}
