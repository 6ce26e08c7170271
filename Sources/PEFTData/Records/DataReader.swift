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
  ///   (`text`, `sentence`, `text_a` and `text_b`, `sentence1` and `sentence2`, `premise` and
  ///   `hypothesis`, …, `label`). The columns of a table without a header are text; text and label;
  ///   or two texts and label.
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

  /// The rows in `bytes`, and the columns used, as a clause for the user; nil for formats without
  /// columns.
  static func rows(
    in bytes: [UInt8], path: String, format: DataFormat, columns: ColumnSelection?
  ) throws(FileError) -> (examples: [TextExample], columns: String?) {
    let text = try ValidatedText(bytes, path: path)
    let (examples, table): ([TextExample], String?) =
      switch format {
      case .jsonl: (try JSONLines.read(text, columns: columns, path: path), nil)
      case .csv: try readTable(CSVRecords(text, path: path), columns: columns, path: path)
      case .tsv: try readTable(TSVRecords(text, path: path), columns: columns, path: path)
      case .pairs: (try PromptLines.read(text, path: path), nil)
      case .conll: (try TaggedLines.read(text, columns: columns, path: path), nil)
      case .text: ([TextExample(text: text.withoutCarriageReturns, line: 1)], nil)
      }
    try checkLabels(of: examples, path: path)
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

  private static func readTable<Records: DelimitedRecords>(
    _ source: Records, columns selection: ColumnSelection?, path: String
  ) throws(FileError) -> ([TextExample], String?) {
    var records = source
    guard let first = try records.next() else { return ([], nil) }
    let columns = try TableColumns(firstRow: first, selection: selection, path: path)
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
          text: record.cells[columns.text], pair: columns.pair.map { record.cells[$0] },
          label: columns.label.map { record.cells[$0] }, line: record.line))
      next = try records.next()
    }
    if Records.self == TSVRecords.self { try checkQuotes(in: examples, path: path) }
    if !columns.hasHeader, selection?.header == nil {
      try HeaderGuess.check(first.cells, of: examples, columns: columns, path: path)
    }
    return (examples, columns.description(header: columns.hasHeader ? first.cells : nil))
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

  private static func checkLabels(of examples: [TextExample], path: String) throws(FileError) {
    guard let first = examples.first else {
      throw FileError(.malformed, path: path, reason: "there are no rows in this file")
    }
    for example in examples {
      if example.label?.isEmpty == true {
        throw FileError(
          .malformed, path: path, place: "line \(example.line)", reason: "the label is empty",
          remedy: "fill it in, or leave the label column out of every row")
      }
      guard (example.label == nil) == (first.label == nil) else {
        throw FileError(
          .malformed, path: path, place: "line \(example.line)",
          reason: first.label == nil
            ? "a label, but line \(first.line) has none"
            : "no label, but line \(first.line) has one",
          remedy: "label every row or none")
      }
    }
  }
}
