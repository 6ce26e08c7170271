import PEFTData
import PEFTTensor

extension TrainedModel {
  /// Data that were read for a model.
  public struct ReadData {
    /// The rows.
    public let rows: TaskReader.Rows
    /// The reader that encodes them.
    public let reader: TaskReader
    /// Messages for the user about how they were read.
    public let notes: [String]
  }

  /// The name of standard input as a path.
  public static let standardInput = "-"

  /// Reads data for the model.
  ///
  /// Format and columns that are not given are those of the run's training data. If the file does
  /// not have these columns, its known names decide, or its only column; a label is only looked for
  /// if it is needed. Standard input without a format has that of the run, or else JSON lines if it
  /// begins with a brace, and one text per line otherwise.
  ///
  /// Throws `FileError` for data that do not fit, and `InvalidSetting` for a length that the model
  /// does not take.
  ///
  /// - Parameters:
  ///   - path: the file; `-` or `/dev/stdin` is standard input.
  ///   - maximumLength: the longest text in tokens; nil for the model's.
  ///   - needsLabels: whether the labels are used.
  public func data(
    at path: String, format: DataFormat?, columns: ColumnSelection?, kind: TaskKind,
    maximumLength: Int? = nil, needsLabels: Bool
  ) throws -> ReadData {
    let isInput = path == Self.standardInput || path == "/dev/stdin"
    let name = isInput ? "standard input" : path
    if !isInput, format == nil, reading.format == nil { _ = try DataFormat(extensionOf: path) }
    let bytes = try FileContents.read(isInput ? "/dev/stdin" : path)
    let formats: [DataFormat?]
    if let format {
      formats = [format]
    } else {
      let own: [DataFormat?] =
        isInput
        ? [inputFormat(of: bytes)] : (try? DataFormat(extensionOf: path)) == nil ? [] : [nil]
      formats = (reading.format.map { [$0] } ?? []) + own
    }
    var failure: FileError?
    for attempt in attempts(formats, columns: columns, needsLabels: needsLabels) {
      let reader = try reader(
        format: attempt.format, columns: attempt.columns, maximumLength: maximumLength)
      let rows: TaskReader.Rows
      do throws(FileError) {
        rows = try reader.rows(bytes, path: name, kind: kind)
      } catch {
        failure = failure ?? error
        continue
      }
      if attempt.isFallback, attempt.columns == nil, rows.hasGuessedColumns { continue }
      try checkPairs(of: rows)
      let hasColumns = (attempt.format ?? (try? DataFormat(extensionOf: path)))?.hasColumns == true
      return ReadData(
        rows: rows, reader: reader,
        notes: hasColumns && columns == nil
          ? notes(about: name, read: attempt.columns, usual: reading.columns) : [])
    }
    throw unlike(failure, path: name, given: columns)
  }

  /// A format and columns to read data with.
  private struct Attempt {
    var format: DataFormat?
    var columns: ColumnSelection?
    /// Whether columns that are only guessed are refused.
    var isFallback = false
  }

  /// How data are read, in order, until they fit.
  private func attempts(
    _ formats: [DataFormat?], columns: ColumnSelection?, needsLabels: Bool
  ) -> [Attempt] {
    formats.flatMap { format -> [Attempt] in
      guard columns == nil, let recorded = reading.columns else {
        return [Attempt(format: format, columns: columns)]
      }
      let unlabelled = Attempt(format: format, columns: recorded.withoutLabel, isFallback: true)
      return [Attempt(format: format, columns: recorded)]
        + (needsLabels || recorded.label == nil ? [] : [unlabelled])
        + [Attempt(format: format, isFallback: true)]
    }
  }

  /// Rows of texts that were given by themselves.
  ///
  /// Throws the errors of `data`.
  ///
  /// - Parameters:
  ///   - texts: the texts, each with its pair, if the model reads pairs.
  ///   - name: what to call them in messages.
  ///   - maximumLength: the longest sequence; nil for that of the model.
  public func data(
    of texts: [(text: String, pair: String?)], name: String, maximumLength: Int? = nil
  ) throws -> ReadData {
    let splits = task is TokenClassification
    let examples = texts.enumerated().map { index, item in
      TextExample(
        text: item.text, pair: item.pair,
        words: splits
          ? item.text.split(whereSeparator: \.isWhitespace).map {
            TaggedWord(text: String($0), tag: nil, line: index + 1)
          } : [], line: index + 1)
    }
    let rows = TaskReader.Rows(examples: examples, path: name)
    try checkPairs(of: rows)
    return ReadData(
      rows: rows,
      reader: try reader(format: nil, columns: nil, maximumLength: maximumLength), notes: [])
  }

  private func inputFormat(of bytes: [UInt8]) -> DataFormat {
    if task is TokenClassification { return .conll }
    let first = bytes.withoutByteOrderMark.first { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }
    return first == UInt8(ascii: "{") ? .jsonl : .lines
  }

  private func checkPairs(of rows: TaskReader.Rows) throws(FileError) {
    guard let hasPairs = reading.hasPairs, task?.isLanguage != true,
      let first = rows.examples.first,
      (first.pair != nil) != hasPairs
    else { return }
    throw FileError(
      .malformed, path: rows.path, place: "line \(first.line)",
      reason: (hasPairs
        ? "one text, and the model was trained on pairs of texts"
        : "a pair of texts, and the model was trained on single texts")
        + (rows.columns.map { " (\($0))" } ?? ""),
      remedy: "name the columns with `columns`, as in "
        + (hasPairs ? "text_a=1,text_b=2" : "text=1"))
  }

  private func notes(
    about name: String, read: ColumnSelection?, usual: ColumnSelection?
  ) -> [String] {
    guard let usual else { return [] }
    guard let read else {
      return [
        "\(name) does not have the columns of the training data (\(usual.description)): its names "
          + "decide"
      ]
    }
    return ["\(name): the columns are those of the training data, \(read.description)"]
  }

  private func unlike(
    _ failure: FileError?, path: String, given: ColumnSelection?
  ) -> FileError {
    let error =
      failure
      ?? FileError(
        .malformed, path: path, reason: "neither a header nor a name tells what the columns are")
    let usual = [
      given == nil ? reading.columns.map { "columns \($0.description)" } : nil,
      reading.format.map { "format \($0.rawValue)" },
    ].compactMap(\.self)
    guard !usual.isEmpty else { return error }
    return FileError(
      error.kind, path: error.path, place: error.place,
      reason: "\(error.reason), read as the training data were (\(usual.joined(separator: ", ")))",
      remedy: (error.remedy.isEmpty || error.remedy.contains("`columns`")
        ? "" : error.remedy + ", or ")
        + "say what its columns are with `columns`"
        + (reading.format == nil ? "" : ", and its format with `format`"))
  }
}
