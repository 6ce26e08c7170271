import PEFTTensor

/// The tokens of running text, seen in windows: the next one for a causal model, masked ones for
/// RoBERTa and BERT.
public struct LanguageModelling: VocabularyTask {
  /// The name in files, and of the kind of task.
  public static let name = "language"

  /// Running text.
  public static let textFormat = DataFormat.text

  /// How the text is cut.
  public let windows: TextWindows

  /// The task for text in these windows.
  public init(_ windows: TextWindows) { self.windows = windows }

  /// The task for text in these windows. It looks at no row, and throws nothing.
  public init(training rows: TaskReader.Rows, windows: TextWindows) throws(FileError) {
    self.init(windows)
  }

  /// The task whose windows are made by `context`, at least 4, and `stride`, from 1 to `context`.
  ///
  /// Throws `malformed` where these are no such numbers.
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

  /// The text in windows for a causal model, else in pieces of which some tokens are hidden.
  ///
  /// Throws `malformed` for a row with two texts and for a text with too few tokens, and
  /// `unsupported` where tokens are to be hidden and the vocabulary has no mask token.
  public func encode(
    _ rows: TaskReader.Rows, by reader: TaskReader
  ) throws(FileError) -> EncodedDataset {
    try RunningText(isCausal: reader.isCausal, tokenizer: reader.tokenizer).encode(
      rows, windows: windows)
  }
}

extension TaskKind {
  /// The tokens of running text are to be predicted.
  public static let language = TaskKind(LanguageModelling.self)
}
