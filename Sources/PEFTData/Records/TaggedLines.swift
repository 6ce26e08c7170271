import PEFTTensor

/// One word per line, as in the CoNLL shared tasks. Columns are separated by spaces or tabs, with
/// the word first and its tag last, and an empty line follows every sentence. Lines that begin with
/// `-DOCSTART-` are skipped.
enum TaggedLines {
  /// Sentences as texts with words.
  ///
  /// Throws `malformed`, with the line, for lines of different width, and for selected columns that
  /// do not exist.
  static func read(
    _ text: ValidatedText, columns: ColumnSelection?, path: String
  ) throws(FileError) -> [TextExample] {
    var examples: [TextExample] = []
    var words: [TaggedWord] = []
    var first: (line: Int, width: Int)?
    func endSentence() {
      guard let line = words.first?.line else { return }
      examples.append(
        TextExample(text: words.map(\.text).joined(separator: " "), words: words, line: line))
      words = []
    }
    let lines = text.bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated() {
      let cells = line.split(whereSeparator: isSpace)
      guard let start = cells.first else {
        endSentence()
        continue
      }
      if start.starts(with: Array("-DOCSTART-".utf8)) { continue }
      if let first, first.width != cells.count {
        throw FileError(
          .malformed, path: path, place: "line \(index + 1)",
          reason: "\(cells.count) columns where line \(first.line) has \(first.width)",
          remedy: "give every word the same columns, and an empty line behind every sentence")
      }
      if first == nil { first = (index + 1, cells.count) }
      let place = try places(columns, width: cells.count, path: path, line: index + 1)
      words.append(
        TaggedWord(
          text: String(decoding: cells[place.word], as: UTF8.self),
          tag: place.tag.map { String(decoding: cells[$0], as: UTF8.self) }, line: index + 1))
    }
    endSentence()
    return examples
  }

  /// The positions of the word and the tag in a line, from 0.
  private static func places(
    _ columns: ColumnSelection?, width: Int, path: String, line: Int
  ) throws(FileError) -> (word: Int, tag: Int?) {
    guard let columns else { return (0, width > 1 ? width - 1 : nil) }
    func place(_ column: ColumnSelection.Column) throws(FileError) -> Int {
      guard case .number(let number) = column, (1...width).contains(number) else {
        throw FileError(
          .malformed, path: path, place: "line \(line)",
          reason: "column \(column) is selected, and the line has \(width), which have no names",
          remedy: "select columns by number, for example text=1,label=\(width)")
      }
      return number - 1
    }
    guard columns.text.count == 1, columns.pair.isEmpty, columns.id == nil else {
      throw FileError(
        .unsupported, path: path,
        reason: "a word and its tag are one column each, and all there is",
        remedy: "select them by number, for example text=1,label=\(width)")
    }
    return (try place(columns.text[0]), try columns.label.map(place))
  }

  private static func isSpace(_ byte: UInt8) -> Bool {
    byte == 0x20 || byte == 0x09 || byte == 0x0D
  }
}
