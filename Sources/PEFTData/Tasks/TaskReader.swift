import PEFTTensor
import PEFTText

/// Reads data files for a model: the training file determines the task, and the other files must
/// follow it.
public struct TaskReader {
  /// Whether the model is causal, so that texts without labels are to be continued.
  public let isCausal: Bool
  /// The model's tokenizer.
  public let tokenizer: Tokenizer
  /// The format of the files; if nil, their extension decides.
  public let format: DataFormat?
  /// The columns to use; if nil, their names or positions decide.
  public let columns: ColumnSelection?
  /// How the model sees conversations; nil if it is not known.
  public var chatTemplate: ChatTemplate?
  /// The largest number of tokens of an example, including special tokens.
  public var maximumLength: Int

  /// A reader for a model.
  public init(
    isCausal: Bool, tokenizer: Tokenizer, format: DataFormat? = nil,
    columns: ColumnSelection? = nil, chatTemplate: ChatTemplate? = nil, maximumLength: Int
  ) {
    self.isCausal = isCausal
    self.tokenizer = tokenizer
    self.format = format
    self.columns = columns
    self.chatTemplate = chatTemplate
    self.maximumLength = maximumLength
  }

  /// The content of a data file.
  public struct Rows: Sendable {
    /// The rows: texts with labels, prompts with completions as pairs, or texts alone.
    public let examples: [TextExample]
    /// The path of the file.
    public let path: String
    /// The SHA-256 of the file's bytes, in hexadecimal; nil if the rows came from elsewhere.
    public let digest: String?

    /// The columns used of a table, as a clause for the user; nil for other formats.
    public let columns: String?
    /// Whether the columns of a table were taken by their positions, because neither names nor a
    /// selection say what they are.
    public let hasGuessedColumns: Bool

    /// A part of these rows, for which messages use `name`.
    package func part(_ examples: [TextExample], name: String? = nil) -> Rows {
      Rows(
        examples: examples, path: name ?? path, digest: digest, columns: columns,
        hasGuessedColumns: hasGuessedColumns)
    }

    /// The rows of the file at `path`.
    public init(
      examples: [TextExample], path: String, digest: String? = nil, columns: String? = nil,
      hasGuessedColumns: Bool = false
    ) {
      self.columns = columns
      self.hasGuessedColumns = hasGuessedColumns
      self.examples = examples
      self.path = path
      self.digest = digest
    }
  }

  /// The rows of the file at `path`, read as data of the given kind.
  public func rows(_ path: String, kind: TaskKind) throws(FileError) -> Rows {
    // An unknown extension is refused before anything is read.
    if format == nil { _ = try DataFormat(extensionOf: path) }
    return try rows(FileContents.read(path), path: path, kind: kind)
  }

  /// The rows in `bytes`, the content of the file at `path`, read as data of the given kind.
  public func rows(
    _ bytes: [UInt8], path: String, kind: TaskKind
  ) throws(FileError) -> Rows {
    let (examples, table) = try DataReader.rows(
      in: bytes, path: path, format: try format(of: bytes, path: path, kind: kind),
      columns: columns, allowingEmptyLabels: kind == .multiLabel)
    guard !examples.isEmpty else {
      throw FileError(.malformed, path: path, reason: "there are no examples in it")
    }
    var hash = SHA256()
    hash.append(bytes)
    return Rows(
      examples: examples, path: path, digest: hash.hexadecimal, columns: table?.columns,
      hasGuessedColumns: table?.isGuessed ?? false)
  }

  /// The task that training data define.
  ///
  /// - Parameter windows: how running text is divided.
  public func task(
    of rows: Rows, kind: TaskKind, windows: TextWindows
  ) throws(FileError) -> any PredictionTask {
    if let type = kind.type {
      let task = try type.init(training: rows, windows: windows)
      return try (task as? Chat)?.resolved(by: self, path: rows.path) ?? task
    }
    guard let first = rows.examples.first else {
      throw FileError(.malformed, path: rows.path, reason: "there are no examples in it")
    }
    if !first.messages.isEmpty {
      return try Chat(training: rows, windows: windows).resolved(by: self, path: rows.path)
    }
    if !first.words.isEmpty {
      return try TokenClassification(training: rows, windows: windows)
    }
    if first.labels != nil { return try MultiLabelClassification(training: rows, windows: windows) }
    guard first.label == nil, isCausal else { return try rows.taskOfLabels(windows) }
    return first.pair == nil ? LanguageModelling(windows) : Completion()
  }

  /// A `.txt` file has the format of the kind of task. If the data decide, it contains running text
  /// or pairs for a causal model, and tab-separated values for other models.
  private func format(
    of bytes: [UInt8], path: String, kind: TaskKind
  ) throws(FileError) -> DataFormat {
    if let format { return format }
    let usual = try DataFormat(extensionOf: path)
    guard usual == .tsv, path.lowercased().hasSuffix(".txt") else { return usual }
    if let type = kind.type { return type.textFormat }
    guard isCausal else { return usual }
    return PromptLines.begin(try ValidatedText(bytes, path: path)) ? .pairs : .text
  }
}
