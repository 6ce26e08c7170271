import PEFTData
import PEFTTensor
import Testing

/// The options that an error names read the file.
@Suite("Advice on columns")
struct ColumnAdviceTests {
  private static let news = (1...12).map { number in
    "\(number % 4 + 1),\"Title \(number), in short\",\"A longer description of piece \(number).\"\n"
  }.joined()
  private static let acceptability = (1...8).map { number in
    "gj04\t\(number % 2)\t\(number % 2 == 0 ? "*" : "")\tThe sentence number \(number).\n"
  }.joined()

  private static func advice(_ text: String, as format: DataFormat) throws -> (String, FileError) {
    let error = try #require(
      throws: FileError.self
    ) { try DataReader.parse(Array(text.utf8), path: "t", format: format) }
    let selection = error.remedy.split(separator: " ").first { $0.hasPrefix("text=") }
    return (try #require(selection).trimmingSuffix { ",;".contains($0) }, error)
  }

  @Test("the class numbers of AG News are not taken for a text, nor its descriptions for labels")
  func newsWithoutHeader() throws {
    let (selection, error) = try Self.advice(Self.news, as: .csv)
    #expect(selection == "text=2+3,label=1", "\(error)")
    #expect(error.remedy.contains("text_a=2,text_b=3,label=1"))
    let rows = try DataReader.parse(
      Array(Self.news.utf8), path: "t", format: .csv, columns: ColumnSelection.parse(selection))
    #expect(Set(rows.map(\.label)) == ["1", "2", "3", "4"])
    #expect(rows[0].text == "Title 1, in short A longer description of piece 1.")
  }

  @Test("a header of unknown names is named with the columns by their contents")
  func unknownHeader() throws {
    let (selection, _) = try Self.advice("Class,Head,Body text\n" + Self.news, as: .csv)
    #expect(selection == "text=2+3,label=1,header=yes")
    let rows = try DataReader.parse(
      Array(("Class,Head,Body text\n" + Self.news).utf8), path: "t", format: .csv,
      columns: ColumnSelection.parse(selection))
    #expect(rows.count == 12)
  }

  @Test("four columns without a header: the marks of CoLA are no label, its sources no text")
  func fourColumns() throws {
    let (selection, _) = try Self.advice(Self.acceptability, as: .tsv)
    #expect(selection == "text=4,label=2")
  }

  @Test("where nothing stands out, an example is named")
  func nothing() throws {
    let (selection, _) = try Self.advice("a\tb\tc\td\n", as: .tsv)
    #expect(selection == "text=1,label=2")
  }

  @Test(
    "tables that were read before still are",
    arguments: [
      "a b,1\nc d,0\n", "one two,three four,yes\nfive six,seven eight,no\n",
      (1...9).map { "the text \($0),another one \($0),\($0 % 2)\n" }.joined(),
      // A column that repeats beside scores.
      (1...9).map { "a \($0) b,c \($0) d,\(Double($0) / 4)\n" }.joined(),
    ])
  func unchanged(text: String) throws {
    #expect(try DataReader.parse(Array(text.utf8), path: "t", format: .csv).count > 1)
  }
}

extension Substring {
  fileprivate func trimmingSuffix(while isMeant: (Character) -> Bool) -> String {
    var text = self
    while let last = text.last, isMeant(last) { text.removeLast() }
    return String(text)
  }
}
