import PEFTTensor

/// The tokens of completions, from their prompts.
public struct Completion: VocabularyTask {
  public static let name = "completion"
  public static let textFormat = DataFormat.pairs

  /// The task.
  public init() {}

  public init(training rows: TaskReader.Rows, windows: TextWindows) throws(FileError) {}

  public init(json: JSONValue, path: String) throws(FileError) {}

  public var settings: JSONObject { [:] }

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
