import PEFTTensor

/// The tokens of completions, from their prompts.
public struct Completion: VocabularyTask {
  /// The name in files, and of the kind of task.
  public static let name = "completion"

  /// Prompts with their completions.
  public static let textFormat = DataFormat.pairs

  /// The task.
  public init() {}

  /// The task. It looks at no row, and throws nothing.
  public init(training rows: TaskReader.Rows, windows: TextWindows) throws(FileError) {}

  /// The task. It has no settings to read, and throws nothing.
  public init(json: JSONValue, path: String) throws(FileError) {}

  /// There are none.
  public var settings: JSONObject { [:] }

  /// Prompts and completions end to end, of which the completion's tokens are predicted.
  ///
  /// Throws `malformed`, with the line, for a row without a completion and for a prompt that leaves
  /// it no room, and `unsupported` for the tokenizer of a model that is not causal.
  public func encode(
    _ rows: TaskReader.Rows, by reader: TaskReader
  ) throws(FileError) -> EncodedDataset {
    try CompletionText(tokenizer: reader.tokenizer).encode(
      rows, maximumLength: reader.maximumLength)
  }
}

extension TaskKind {
  /// The tokens of completions are to be predicted, from their prompts.
  public static let completion = TaskKind(Completion.self)
}
