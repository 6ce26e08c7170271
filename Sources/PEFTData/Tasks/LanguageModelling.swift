import PEFTTensor

/// Predicts the tokens of running text in windows: the next token for a causal model, masked tokens
/// for RoBERTa and BERT.
public struct LanguageModelling: VocabularyTask {
  /// The name in files, and of the task kind.
  public static let name = "language"

  /// Running text.
  public static let textFormat = DataFormat.text

  /// The windows into which the text is divided.
  public let windows: TextWindows

  /// The task for text in these windows.
  public init(_ windows: TextWindows) { self.windows = windows }

  /// The task for text in `windows`. It ignores the rows and throws nothing.
  public init(training rows: TaskReader.Rows, windows: TextWindows) throws(FileError) {
    self.init(windows)
  }

  /// The task with windows of `context` tokens, at least 4, and a `stride` from 1 to `context`.
  ///
  /// Throws `malformed` if `json` does not have these numbers.
  public init(json: JSONValue, path: String) throws(FileError) {
    guard let context = json["context"]?.integer, (4...1 << 30).contains(context),
      let stride = json["stride"]?.integer, (1...context).contains(stride)
    else {
      throw FileError(
        .malformed, path: path, place: "task", reason: "context and stride do not make windows")
    }
    self.init(TextWindows(context: context, stride: stride))
  }

  /// The `context` and the `stride` of the windows, in tokens.
  public var settings: JSONObject {
    ["context": .integer(windows.context), "stride": .integer(windows.stride)]
  }

  /// The text in windows for a causal model, otherwise in pieces in which some tokens are masked.
  ///
  /// Throws `malformed` for a row with two texts and for a text with too few tokens, and
  /// `unsupported` if tokens must be masked and the vocabulary has no mask token.
  public func encode(
    _ rows: TaskReader.Rows, by reader: TaskReader
  ) throws(FileError) -> EncodedDataset {
    try RunningText(isCausal: reader.isCausal, tokenizer: reader.tokenizer).encode(
      rows, windows: windows)
  }
}

extension TaskKind {
  /// Language modelling: the tokens of running text are predicted.
  public static let language = TaskKind(LanguageModelling.self)
}
