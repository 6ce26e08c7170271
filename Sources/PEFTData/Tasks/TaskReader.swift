import PEFTTensor
import PEFTText

/// Reads data files for a model: the training file fixes the task, the others follow it.
public struct TaskReader {
  /// Whether the model is causal, so that texts without labels are there to be continued.
  public let isCausal: Bool
  /// Its tokenizer.
  public let tokenizer: Tokenizer
  /// The format of the files; nil goes by their extension.
  public let format: DataFormat?
  /// Which columns hold what; nil goes by their names or positions.
  public let columns: ColumnSelection?
  /// The most tokens of an example, special ones included.
  public let maximumLength: Int

  /// A reader for a model.
  public init(
    isCausal: Bool, tokenizer: Tokenizer, format: DataFormat? = nil,
    columns: ColumnSelection? = nil, maximumLength: Int
  ) {
    self.isCausal = isCausal
    self.tokenizer = tokenizer
    self.format = format
    self.columns = columns
    self.maximumLength = maximumLength
  }

  /// What the file at `path` holds.
  public struct Rows: Sendable {
    /// The rows: texts with labels, prompts with completions as pairs, or texts alone.
    public let examples: [TextExample]
    /// The file.
    public let path: String
    /// SHA-256 of the bytes that were read, in hexadecimal; nil where the rows came from elsewhere.
    public let digest: String?

    /// The columns of a table that were used, as a clause for the user; nil for other formats.
    public let columns: String?

    /// The rows of the file at `path`.
    public init(
      examples: [TextExample], path: String, digest: String? = nil, columns: String? = nil
    ) {
      self.columns = columns
      self.examples = examples
      self.path = path
      self.digest = digest
    }
  }

  /// The rows of the file at `path`, as data of the given kind have them.
  public func rows(_ path: String, kind: TaskKind) throws(FileError) -> Rows {
    // A name without a known extension is refused before anything is read.
    if format == nil { _ = try DataFormat(extensionOf: path) }
    let bytes = try FileContents.read(path)
    let (examples, table) = try DataReader.rows(
      in: bytes, path: path, format: try format(of: bytes, path: path, kind: kind), columns: columns
    )
    guard !examples.isEmpty else {
      throw FileError(.malformed, path: path, reason: "there are no examples in it")
    }
    var hash = SHA256()
    hash.append(bytes)
    return Rows(examples: examples, path: path, digest: hash.hexadecimal, columns: table)
  }

  /// The task that training data pose.
  ///
  /// - Parameter windows: how running text is cut.
  public func task(
    of rows: Rows, kind: TaskKind, windows: TextWindows
  ) throws(FileError) -> any PredictionTask {
    if let type = kind.type { return try type.init(training: rows, windows: windows) }
    guard let first = rows.examples.first else {
      throw FileError(.malformed, path: rows.path, reason: "there are no examples in it")
    }
    if !first.words.isEmpty {
      return try TokenClassification(training: rows, windows: windows)
    }
    guard first.label == nil, isCausal else { return try rows.taskOfLabels(windows) }
    return first.pair == nil ? LanguageModelling(windows) : Completion()
  }

  /// `.txt` is in the format of the kind of task; where the data decide, it holds running text or
  /// pairs for a causal model, and tab-separated values for others.
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
