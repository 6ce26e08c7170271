import PEFTModels
import PEFTTensor
import PEFTText

/// Reads data files for a model: the training file fixes the task, the others follow it.
public struct TaskReader {
  /// What the model is.
  public let configuration: ModelConfiguration
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
    configuration: ModelConfiguration, tokenizer: Tokenizer, format: DataFormat? = nil,
    columns: ColumnSelection? = nil, maximumLength: Int
  ) {
    self.configuration = configuration
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
  }

  /// The rows of the file at `path`, as data of the given kind have them.
  public func rows(_ path: String, kind: TaskKind) throws(FileError) -> Rows {
    let examples = try DataReader.read(
      path: path, format: try format(of: path, kind: kind), columns: columns)
    guard !examples.isEmpty else {
      throw FileError(.malformed, path: path, reason: "there are no examples in it")
    }
    return Rows(examples: examples, path: path)
  }

  /// The task that training data pose.
  ///
  /// - Parameter windows: how running text is cut.
  public func task(
    of rows: Rows, kind: TaskKind, windows: TextWindows
  ) throws(FileError) -> PredictionTask {
    let first = rows.examples[0]
    switch kind {
    case .language: return .language(windows)
    case .completion: return .completion
    case .auto where first.label == nil && configuration.isCausal:
      return first.pair == nil ? .language(windows) : .completion
    case .auto, .classification, .regression:
      return try PredictionTask(training: rows.examples, kind: kind, path: rows.path)
    }
  }

  /// The kind of data that a task needs.
  static func kind(of task: PredictionTask) -> TaskKind {
    switch task {
    case .classification: .classification
    case .regression: .regression
    case .language: .language
    case .completion: .completion
    }
  }

  /// Rows as token ids with the targets of `task`.
  ///
  /// Throws for labels that the task does not know, for prompts without completions, and for a
  /// prompt that leaves no room for its completion, with the line.
  public func encode(_ rows: Rows, for task: PredictionTask) throws(FileError) -> EncodedDataset {
    switch task {
    case .classification, .regression:
      return EncodedDataset(
        rows.examples, targets: try task.targets(of: rows.examples, path: rows.path),
        tokenizer: tokenizer, maximumLength: maximumLength)
    case .completion:
      return try CompletionText(tokenizer: tokenizer).encode(
        rows, maximumLength: maximumLength)
    case .language(let windows):
      return try RunningText(configuration: configuration, tokenizer: tokenizer).encode(
        rows, windows: windows)
    }
  }

  /// `.txt` holds running text or pairs where language is asked for, and
  /// tab-separated values elsewhere.
  private func format(of path: String, kind: TaskKind) throws(FileError) -> DataFormat {
    if let format { return format }
    let usual = try DataFormat(extensionOf: path)
    guard usual == .tsv, path.lowercased().hasSuffix(".txt") else { return usual }
    switch kind {
    case .completion: return .pairs
    case .language: return .text
    case .auto where configuration.isCausal:
      return PromptLines.begin(try ValidatedText(contentsOf: path)) ? .pairs : .text
    default: return usual
    }
  }
}
