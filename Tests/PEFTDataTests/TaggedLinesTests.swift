import PEFTData
import PEFTTensor
import PEFTText
import Testing

@Suite("Words with tags")
struct TaggedLinesTests {
  private func read(
    _ text: String, columns: ColumnSelection? = nil
  ) throws -> [TextExample] {
    try DataReader.parse(Array(text.utf8), path: "p", format: .conll, columns: columns)
  }

  @Test("sentences end at empty lines; the tag is the last column")
  func sentences() throws {
    let examples = try read(
      "-DOCSTART- -X- O\n\nAnn NNP B-PER\nis VBZ O\r\n \n\nRome\tNNP\tB-LOC")
    #expect(examples.map(\.text) == ["Ann is", "Rome"])
    #expect(examples.map(\.line) == [3, 7])
    #expect(examples[0].words.map(\.tag) == ["B-PER", "O"])
    #expect(examples[1].words == [TaggedWord(text: "Rome", tag: "B-LOC", line: 7)])
    let parts = try read(
      "Ann NNP B-PER\n", columns: ColumnSelection.parse("text=1,label=2"))
    #expect(parts[0].words.map(\.tag) == ["NNP"])
    #expect(try read("one\ntwo\n")[0].words.map(\.tag) == [nil, nil])
  }

  @Test(
    "lines of different width, and missing columns, are refused with their line",
    arguments: [
      ("a O\nb\n", nil, "line 2"), ("a O\n\nb X O\n", nil, "line 3"),
      ("a O\n", "text=1,label=3", "line 1"), ("a O\n", "text=word", "line 1"), ("\n\n", nil, nil),
    ] as [(String, String?, String?)])
  func refusals(text: String, columns: String?, place: String?) throws {
    let selection = try columns.map { try ColumnSelection.parse($0) }
    let error = #expect(throws: FileError.self) { try read(text, columns: selection) }
    #expect(error?.kind == .malformed && error?.place == place ?? "")
  }

  /// A reader with a vocabulary in which words have several tokens.
  private func reader(maximumLength: Int) throws -> TaskReader {
    let tokenizer = try ByteLevelBPETrainer.train(
      texts: ["Ann lives in Rome"], vocabularySize: 270,
      specialTokens: SpecialTokenTemplate.roberta.specialTokens
    ).tokenizer(template: .roberta)
    return TaskReader(isCausal: false, tokenizer: tokenizer, maximumLength: maximumLength)
  }

  @Test("the first token of a word is predicted, but not for truncated words")
  func firstTokens() throws {
    let rows = TaskReader.Rows(
      examples: try read("Ann B-PER\nlives O\nin O\nRome B-LOC\n\nin O\n"), path: "p")
    let whole = try reader(maximumLength: 64)
    let task = try TokenClassification(training: rows, windows: TextWindows(context: 8))
    #expect(task.tags.names == ["B-LOC", "B-PER", "O"])
    #expect(task.output(pooling: .first) == .tokenClasses(3))
    let data = try task.encode(rows, by: whole)
    let masks = SeededGenerator(seed: 1, purpose: "unused")
    let batch = try #require(data.examples([0, 1], maskingWith: masks))
    #expect(batch.targets == .classes(ofRows: [[1, 2, 2, 0], [2]]))
    // Every word is preceded by a space, even the first.
    let alone = ["Ann", "lives", "in", "Rome"].map {
      Array(whole.tokenizer.encode(" " + $0).ids.dropFirst().dropLast())
    }
    let starts = alone.indices.map { index in 1 + alone[..<index].joined().count }
    let tokens = data.lengths[0]
    #expect(batch.texts.predictedRows == starts + [tokens + 1])
    #expect(tokens == alone.joined().count + 2)
    // There is room for the first two words only.
    let short = try reader(maximumLength: 2 + alone[0].count + alone[1].count)
    let cut = try task.encode(rows, by: short)
    #expect(cut.truncatedCount == 1 && cut.predictedWords(0) == [0, 1])
    #expect(cut.targets?.partition.exampleCount == 2 && cut.targets?.termCount == 3)
    let line = task.prediction(
      [9, 0, 0, 0, 9, 0], of: rows.examples[0], words: cut.predictedWords(0))
    #expect(
      line["tags"] == .array([.string("B-LOC"), .string("B-PER"), .null, .null]))
  }

  @Test("missing or unknown tags are refused with the line of the word")
  func unknown() throws {
    let rows = TaskReader.Rows(examples: try read("a O\nb B-PER\n"), path: "train")
    let task = try TokenClassification(training: rows, windows: TextWindows(context: 8))
    let reader = try reader(maximumLength: 16)
    for text in ["a O\n\nb B-LOC\n", "a O\n\nb X\n"] {
      let other = TaskReader.Rows(examples: try read(text), path: "dev")
      let error = #expect(throws: FileError.self) { try task.encode(other, by: reader) }
      #expect(error?.path == "dev" && error?.place == "line 3")
    }
    let bare = TaskReader.Rows(examples: try read("a\nb\n"), path: "dev")
    #expect(throws: FileError.self) { try task.encode(bare, by: reader) }
    #expect(throws: FileError.self) {
      try TokenClassification(training: bare, windows: TextWindows(context: 8))
    }
    #expect(try task.encodeUnlabelled(bare, by: reader).predictedCount(0) == 2)
    let text = TaskReader.Rows(examples: [TextExample(text: "a", line: 1)], path: "dev")
    #expect(throws: FileError.self) { try task.encode(text, by: reader) }
  }
}
