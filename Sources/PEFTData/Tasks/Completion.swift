import PEFTTensor

/// Predicts the tokens of completions from their prompts.
public struct Completion: VocabularyTask {
  /// The name in files, and of the task kind.
  public static let name = "completion"

  /// Lines with a prompt and its completion.
  public static let textFormat = DataFormat.pairs

  /// The task.
  public init() {}

  /// The task. It ignores its arguments and throws nothing.
  public init(training rows: TaskReader.Rows, windows: TextWindows) throws(FileError) {}

  /// The task. It has no settings to read and throws nothing.
  public init(json: JSONValue, path: String) throws(FileError) {}

  /// Empty: the task has no settings.
  public var settings: JSONObject { [:] }

  /// Prompts followed by completions; the completions' tokens are predicted.
  ///
  /// Throws `malformed`, with the line, for a row without a completion and for a prompt that leaves
  /// no room for one, and `unsupported` for the tokenizer of a model that is not causal.
  public func encode(
    _ rows: TaskReader.Rows, by reader: TaskReader
  ) throws(FileError) -> EncodedDataset {
    try CompletionText(tokenizer: reader.tokenizer).encode(
      rows, isCausal: reader.isCausal, maximumLength: reader.maximumLength)
  }
}

extension TaskKind {
  /// Completion: the tokens of completions are predicted from their prompts.
  public static let completion = TaskKind(Completion.self)
}
