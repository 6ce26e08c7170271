import PEFTData
import PEFTTensor
import Testing

@Suite("Tables that are easily misread")
struct GuessedColumnsTests {
  private static func read(
    _ text: String, as format: DataFormat = .csv, columns: String? = nil
  ) throws -> [TextExample] {
    try DataReader.parse(
      Array(text.utf8), path: "t", format: format,
      columns: columns.map { try ColumnSelection.parse($0) })
  }

  @Test(
    "a first row that looks like a header of unknown names is refused, with the option that reads it",
    arguments: [
      ("review,sentiment\ngood film,pos\nbad film,neg\nfine,pos\ndull,neg\n", DataFormat.csv),
      ("tweet\tclass\na b\t1\nc d\t0\ne f\t1\n", .tsv), ("stars,note\n4,a\n5,b c\n4,d\n", .csv),
      ("body of text,my_score\nx y,0.5\nz,1.5\nw,2.5\n", .csv),
      ("Review\ngood film\nbad film\nfine old plot\n", .csv),
    ])
  func headers(_ item: (text: String, format: DataFormat)) throws {
    let error = #expect(throws: FileError.self) { try Self.read(item.text, as: item.format) }
    #expect(error?.place == "line 1" && error?.reason.contains("looks like a header") == true)
    let remedy = try #require(error?.remedy)
    let selection = try #require(remedy.split(separator: " ").first { $0.hasPrefix("text=") })
    let rows = item.text.split(separator: "\n").count
    let columns = String(selection.dropLast())
    #expect(try Self.read(item.text, as: item.format, columns: columns).count == rows - 1)
    let without = columns.replacing("header=yes", with: "header=no")
    #expect(try Self.read(item.text, as: item.format, columns: without).count == rows)
  }

  @Test(
    "a first row like the others is a row of data",
    arguments: [
      "good,pos\nbad film,neg\nfine,pos\n", "good,pos\nbad,neg\n", "a,x\nb,y\nc,z\nd,w\n",
      "fine\ngood film\nok\n", "It was good.,pos\nbad,neg\nbad,neg\nbad,neg\n",
      "good,1\nbad,0\nfine,1\n",
    ])
  func rows(_ text: String) throws {
    #expect(try Self.read(text).count == text.split(separator: "\n").count)
  }

  @Test("a tab-separated table with all cells in quotation marks is refused")
  func quotes() throws {
    let quoted = "\"a b\"\t\"x\"\n\"c\"\t\"y\"\n"
    let error = #expect(throws: FileError.self) { try Self.read(quoted, as: .tsv) }
    #expect(error?.reason.contains("quotation marks") == true)
    #expect(try Self.read(quoted + "d\t\"y\"\n", as: .tsv).count == 3)
  }

  @Test("labels most of which occur once are refused, unless classification is requested")
  func onceEach() throws {
    let texts = (0..<6).map { TextExample(text: "\($0 % 2)", label: "text \($0)", line: $0 + 1) }
    let error = #expect(throws: FileError.self) {
      try PredictionTaskTests.task(training: texts, path: "p")
    }
    #expect(error?.reason.contains("6 of its 6 labels") == true)
    #expect(error?.remedy.contains("`columns`") == true)
    let explicit = try PredictionTaskTests.task(training: texts, kind: .classification, path: "p")
    #expect(explicit.classes?.count == 6)
    #expect(
      try PredictionTaskTests.task(training: texts + texts, path: "p").classes?.count == 6)
    let ids = (0..<20).map { TextExample(text: "t", label: "id\($0)", line: $0 + 1) }
    #expect(throws: FileError.self) { try PredictionTaskTests.task(training: ids, path: "p") }
    #expect(
      try PredictionTaskTests.task(training: Array(ids.prefix(5)), path: "p").classes?.count == 5)
    #expect(
      try PredictionTaskTests.task(training: Array(texts.prefix(2)), path: "p").classes?.count == 2)
  }
}
