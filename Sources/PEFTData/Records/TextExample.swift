/// A word of a text that is given word by word.
public struct TaggedWord: Hashable, Sendable {
  /// The word.
  public let text: String
  /// What it is to be tagged with; nil in a file without tags.
  public let tag: String?
  /// Its line, from 1.
  public let line: Int

  /// A word on the line `line`.
  public init(text: String, tag: String?, line: Int) {
    self.text = text
    self.tag = tag
    self.line = line
  }
}

/// One row of a data file, as it stands there.
///
/// The texts keep every space of the file: data is never changed in silence, and the tokenizers
/// decide what white space means.
public struct TextExample: Hashable, Sendable {
  /// The text, or the first of two.
  public let text: String
  /// The second text of a pair task.
  public let pair: String?
  /// The label as it is written, or nil in a file without labels.
  /// `PredictionTask` gives it meaning.
  public let label: String?
  /// The words, where the text is given word by word; else none.
  public let words: [TaggedWord]
  /// The line where the row begins, from 1, the header included.
  public let line: Int

  /// A row of the file's line `line`.
  public init(
    text: String, pair: String? = nil, label: String? = nil, words: [TaggedWord] = [], line: Int
  ) {
    self.text = text
    self.pair = pair
    self.label = label
    self.words = words
    self.line = line
  }

  /// Whether a text holds nothing but white space, so that a model would see special tokens only.
  public var isBlank: Bool {
    text.allSatisfy(\.isWhitespace) || (pair?.allSatisfy(\.isWhitespace) ?? false)
  }
}
