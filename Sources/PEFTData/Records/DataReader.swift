import PEFTTensor

/// Strictly reads texts, with labels, completions or neither, from JSON lines, CSV, TSV, lines of
/// pairs and plain text.
///
/// No row is skipped, merged or truncated: anything that is not exactly a row is a `FileError` that
/// names the line. Files are UTF-8; a byte order mark and CR LF are accepted.
public enum DataReader {
  /// All rows of the file at `path`, in order.
  ///
  /// - `format`: if nil, the extension decides, see `DataFormat`.
  /// - `columns`: if nil, the known names in the header or the JSON keys decide
  ///   (`text`, `sentence`, `title` with `description`, `text_a` and `text_b`, `sentence1` and
  ///   `sentence2`, `premise` and `hypothesis`, …, `label`). The columns of a table without a
  ///   header are text; text and label; or two texts and label.
  ///
  /// Either all rows have labels or none do. A text that is only white space is a row like any
  /// other; `warnings(about:path:)` counts such rows. Time and memory are linear in the size of the
  /// file.
  ///
  /// Throws a `FileError` if the file cannot be read, is not UTF-8, does not follow the format, or
  /// has no rows.
  public static func read(
    path: String, format: DataFormat? = nil, columns: ColumnSelection? = nil
  ) throws(FileError) -> [TextExample] {
    let format = if let format { format } else { try DataFormat(extensionOf: path) }
    return try parse(FileContents.read(path), path: path, format: format, columns: columns)
  }

  /// The rows in `bytes`, as `read` would return them for a file `path` with this content.
  public static func parse(
    _ bytes: [UInt8], path: String, format: DataFormat, columns: ColumnSelection? = nil
  ) throws(FileError) -> [TextExample] {
    try rows(in: bytes, path: path, format: format, columns: columns).examples
  }

  /// The columns used of a table, or the keys of JSON lines that are joined.
  struct Table {
    /// The columns, as a clause for the user.
    let columns: String
    /// Whether neither a selection nor a header says what the columns are, and there are several.
    let isGuessed: Bool
  }

  /// The rows in `bytes`, and the columns used; nil for formats without columns.
  static func rows(
    in bytes: [UInt8], path: String, format: DataFormat, columns: ColumnSelection?,
    allowingEmptyLabels: Bool = false
  ) throws(FileError) -> (examples: [TextExample], table: Table?) {
    let text = try ValidatedText(bytes, path: path)
    let (examples, table): ([TextExample], Table?) =
      switch format {
      case .jsonl: try readLines(text, columns: columns, path: path)
      case .csv: try readTable(CSVRecords(text, path: path), columns: columns, path: path)
      case .tsv: try readTable(TSVRecords(text, path: path), columns: columns, path: path)
      case .pairs: (try PromptLines.read(text, path: path), nil)
      case .conll: (try TaggedLines.read(text, columns: columns, path: path), nil)
      case .lines: (try TextLines.read(text, path: path), nil)
      case .text: ([TextExample(text: text.withoutCarriageReturns, line: 1)], nil)
      }
    try checkLabels(of: examples, path: path, allowingEmpty: allowingEmptyLabels)
    return (examples, table)
  }

  /// Warnings about permitted but suspicious rows in `examples`, read from `path`: the number of
  /// texts that are only white space.
  public static func warnings(about examples: [TextExample], path: String) -> [String] {
    let blank = examples.filter(\.isBlank)
    guard let first = blank.first else { return [] }
    let rows = blank.count == 1 ? "1 row has" : "\(blank.count) rows have"
    return ["\(path): \(rows) an empty text, the first in line \(first.line)"]
  }

  private static func readLines(
    _ text: ValidatedText, columns: ColumnSelection?, path: String
  ) throws(FileError) -> ([TextExample], Table?) {
    let (examples, joined) = try JSONLines.read(text, columns: columns, path: path)
    return (examples, joined.map { Table(columns: $0, isGuessed: false) })
  }

  private static func readTable<Records: DelimitedRecords>(
    _ source: Records, columns selection: ColumnSelection?, path: String
  ) throws(FileError) -> ([TextExample], Table?) {
    var records = source
    guard let first = try records.next() else { return ([], nil) }
    let columns = try TableColumns(
      firstRow: first, selection: selection, path: path, advice: ColumnAdvice(source))
    var examples: [TextExample] = []
    var next = columns.hasHeader ? try records.next() : first
    while let record = next {
      guard record.cells.count == columns.width else {
        throw FileError(
          .malformed, path: path, place: "line \(record.line)",
          reason: "\(record.cells.count) columns where line \(first.line) has \(columns.width)",
          remedy: Records.widthRemedy)
      }
      examples.append(
        TextExample(
          text: joinedText(columns.text.map { record.cells[$0] }),
          pair: columns.pair.isEmpty ? nil : joinedText(columns.pair.map { record.cells[$0] }),
          label: columns.label.map { record.cells[$0] }, id: columns.id.map { record.cells[$0] },
          line: record.line))
      next = try records.next()
    }
    if Records.self == TSVRecords.self { try checkQuotes(in: examples, path: path) }
    if !columns.hasHeader, selection?.header == nil {
      try HeaderGuess.check(
        first.cells, of: examples, columns: columns, path: path, advice: ColumnAdvice(source))
    }
    if !columns.hasHeader, selection == nil {
      try checkLabels(of: examples, in: columns, path: path, advice: ColumnAdvice(source))
    }
    let table = Table(
      columns: columns.description(header: columns.hasHeader ? first.cells : nil),
      isGuessed: !columns.hasHeader && selection == nil && columns.width > 1)
    return (examples, table)
  }

  /// Throws `malformed` if every cell of a tab-separated table is in quotation marks, which would
  /// be part of the text there.
  private static func checkQuotes(
    in examples: [TextExample], path: String
  ) throws(FileError) {
    guard examples.count > 1,
      examples.allSatisfy({ example in
        [example.text, example.pair, example.label].compactMap(\.self).allSatisfy {
          $0.utf8.count > 1 && $0.hasPrefix("\"") && $0.hasSuffix("\"")
        }
      })
    else { return }
    throw FileError(
      .malformed, path: path, place: "line \(examples[0].line)",
      reason: "every cell is between quotation marks, which are read as part of the text here",
      remedy: "write the table without quotation marks, or as CSV")
  }

  /// Throws `malformed` if the last column of a table without a header, which would be the label,
  /// looks like a text, and another column looks like the label.
  private static func checkLabels(
    of examples: [TextExample], in columns: TableColumns, path: String,
    advice: @autoclosure () -> ColumnAdvice?
  ) throws(FileError) {
    guard let label = columns.label, let first = examples.first, let advice = advice(),
      advice.texts.contains(label)
    else { return }
    throw FileError(
      .malformed, path: path, place: "line \(first.line)",
      reason: "without a header, column \(label + 1) would be the label, and it looks like a text; "
        + "column \(advice.label + 1) looks like the label",
      remedy: "say `columns` \(advice.selection)\(advice.pairs)")
  }

  private static func checkLabels(
    of examples: [TextExample], path: String, allowingEmpty: Bool
  ) throws(FileError) {
    guard let first = examples.first else {
      throw FileError(.malformed, path: path, reason: "there are no rows in this file")
    }
    for example in examples {
      if !allowingEmpty, example.label?.isEmpty == true {
        throw FileError(
          .malformed, path: path, place: "line \(example.line)", reason: "the label is empty",
          remedy: "fill it in, or leave the label column out of every row")
      }
      guard (example.labels == nil) == (first.labels == nil) || allowingEmpty else {
        throw FileError(
          .malformed, path: path, place: "line \(example.line)",
          reason: "a \(example.labels == nil ? "label" : "list of labels"), but line \(first.line) "
            + "has a \(first.labels == nil ? "label" : "list of labels")",
          remedy: "write lists in every row or in none, or say `task` multi-label")
      }
      guard (example.hasLabel) == (first.hasLabel) else {
        throw FileError(
          .malformed, path: path, place: "line \(example.line)",
          reason: !first.hasLabel
            ? "a label, but line \(first.line) has none"
            : "no label, but line \(first.line) has one",
          remedy: "label every row or none")
      }
    }
  }
}

/// The text of several cells: those that are not empty, joined by single spaces. One cell is the
/// text itself.
func joinedText(_ cells: [String]) -> String {
  cells.count == 1 ? cells[0] : cells.filter { !$0.isEmpty }.joined(separator: " ")
}
