import PEFTTensor

/// The tokens of running text, seen in windows: the next one for a causal model, masked ones for
/// RoBERTa and BERT.
public struct LanguageModelling: VocabularyTask {
  public static let name = "language"
  public static let textFormat = DataFormat.text

  /// How the text is cut.
  public let windows: TextWindows

  /// The task for text in these windows.
  public init(_ windows: TextWindows) { self.windows = windows }

  public init(training rows: TaskReader.Rows, windows: TextWindows) throws(FileError) {
    self.init(windows)
  }

  public init(json: JSONValue, path: String) throws(FileError) {
    guard let context = json["context"]?.integer, (4...1 << 30).contains(context),
      let stride = json["stride"]?.integer, (1...context).contains(stride)
    else {
      throw FileError(
        .malformed, path: path, place: "task", reason: "context and stride do not make windows")
    }
    self.init(TextWindows(context: context, stride: stride))
  }

  public var settings: JSONObject {
    ["context": .integer(windows.context), "stride": .integer(windows.stride)]
  }

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
