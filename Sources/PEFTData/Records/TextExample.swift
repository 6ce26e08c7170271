/// A word of a text given word by word.
public struct TaggedWord: Hashable, Sendable {
  /// The word.
  public let text: String
  /// The tag of the word; nil in a file without tags.
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

/// One row of a data file, unchanged.
///
/// The texts keep every space of the file: data are never changed silently, and the tokenizers
/// decide what white space means.
public struct TextExample: Hashable, Sendable {
  /// The text, or the first text of a pair.
  public let text: String
  /// The second text of a pair.
  public let pair: String?
  /// The label as written; nil in a file without labels. `PredictionTask` interprets it.
  public let label: String?
  /// The labels, if the row has a list of them; otherwise nil.
  public let labels: [String]?
  /// The row's own name or number; nil in a file without such a column.
  public let id: String?
  /// The words, if the text is given word by word; otherwise empty.
  public let words: [TaggedWord]
  /// The turns, if the row is a conversation; otherwise empty. Its text is then what the user says.
  public let messages: [ChatMessage]
  /// The line on which the row begins, counted from 1 and including the header.
  public let line: Int

  /// A row that begins on the file's line `line`.
  public init(
    text: String, pair: String? = nil, label: String? = nil, labels: [String]? = nil,
    id: String? = nil, words: [TaggedWord] = [], messages: [ChatMessage] = [], line: Int
  ) {
    self.text = text
    self.messages = messages
    self.pair = pair
    self.label = label
    self.labels = labels
    self.id = id
    self.words = words
    self.line = line
  }

  /// Whether the row has a label or a list of labels, which may be empty.
  var hasLabel: Bool { label != nil || labels != nil }

  /// Whether a text contains only white space, so that a model would see only special tokens.
  public var isBlank: Bool {
    text.allSatisfy(\.isWhitespace) || (pair?.allSatisfy(\.isWhitespace) ?? false)
  }
}
