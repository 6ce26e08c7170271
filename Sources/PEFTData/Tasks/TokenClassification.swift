import PEFTNetwork
import PEFTTensor

/// Predicts a tag for each word of a text, as in named entity recognition.
///
/// The first token of a word represents it; the outputs of its other tokens are ignored. Words
/// beyond the maximum length, and words for which the tokenizer produces no token, have no
/// prediction.
public struct TokenClassification: PredictionTask {
  /// The name in files, and of the task kind.
  public static let name = "token-classification"

  /// The `task_type` of an adapter.
  public static let adapterTaskType = "TOKEN_CLS"

  /// One word and its tag per line.
  public static let textFormat = DataFormat.conll

  /// The tags, in the order of the logits.
  public let tags: LabelMap

  /// A task with these tags.
  public init(_ tags: LabelMap) { self.tags = tags }

  /// The task in which every distinct tag is a class; there must be at least two.
  public init(training rows: TaskReader.Rows, windows: TextWindows) throws(FileError) {
    var tags = Set<String>()
    for example in rows.examples {
      try Self.checkWords(of: example, path: rows.path)
      for word in example.words { tags.insert(try Self.tag(of: word, path: rows.path)) }
    }
    guard tags.count > 1 else {
      throw FileError(
        .malformed, path: rows.path, reason: "every tag is \"\(tags.first ?? "")\"",
        remedy: "train on words of at least two tags")
    }
    self.init(LabelMap(tags))
  }

  /// The task whose tags are the names in `tags`.
  ///
  /// Throws `malformed` if `tags` is not a list of labels.
  public init(json: JSONValue, path: String) throws(FileError) {
    self.init(try LabelMap(json: json["tags"] ?? .null, path: path))
  }

  /// The tags, under the key `tags`.
  public var settings: JSONObject { ["tags": tags.json] }

  /// One logit for each tag, for every word.
  public func output(pooling: Pooling) -> ModelOutput { .tokenClasses(tags.count) }

  /// The texts with the tags of their words, truncated to the reader's maximum length.
  ///
  /// Throws `malformed`, with the line, for a text without words, and for a word without a tag or
  /// with a tag that is not among the tags.
  public func encode(
    _ rows: TaskReader.Rows, by reader: TaskReader
  ) throws(FileError) -> EncodedDataset {
    var classes: [[Int]] = []
    for example in rows.examples {
      try Self.checkWords(of: example, path: rows.path)
      var row: [Int] = []
      for word in example.words {
        let tag = try Self.tag(of: word, path: rows.path)
        guard let index = tags.index(of: tag) else {
          throw FileError(
            .malformed, path: rows.path, place: "line \(word.line)",
            reason: "the tag \"\(tag)\" does not occur in the training data",
            remedy: "correct it, or add examples of it to the training data")
        }
        row.append(index)
      }
      classes.append(row)
    }
    return EncodedDataset(
      words: rows.examples, classes: classes, tokenizer: reader.tokenizer,
      maximumLength: reader.maximumLength)
  }

  /// The texts alone, truncated to the reader's maximum length.
  ///
  /// Throws `malformed`, with the line, for a text without words.
  public func encodeUnlabelled(
    _ rows: TaskReader.Rows, by reader: TaskReader
  ) throws(FileError) -> EncodedDataset {
    for example in rows.examples { try Self.checkWords(of: example, path: rows.path) }
    return EncodedDataset(
      words: rows.examples, classes: nil, tokenizer: reader.tokenizer,
      maximumLength: reader.maximumLength)
  }

  private static func checkWords(of example: TextExample, path: String) throws(FileError) {
    guard example.words.isEmpty else { return }
    throw FileError(
      .malformed, path: path, place: "line \(example.line)", reason: "a text that has no words",
      remedy: "tag words need a file with a word on each line: say `format` conll")
  }

  private static func tag(of word: TaggedWord, path: String) throws(FileError) -> String {
    if let tag = word.tag { return tag }
    throw FileError(
      .malformed, path: path, place: "line \(word.line)", reason: "there is no tag",
      remedy: "training and evaluation need a tag behind every word")
  }

  /// The index of the largest of the logits [C]; the first if several are equal.
  public func answers(_ logits: UnsafeBufferPointer<Float>) -> [Double] {
    [Double(logits.positionOfLargest)]
  }

  /// The metrics of `TagMetrics`; empty if there are no true tags.
  public func metrics(
    of answers: [Double], targets: Targets?, loss: Double, terms: Int
  ) -> [(name: String, value: Double)] {
    guard let targets, case .classes(let classes) = targets.kind, !classes.isEmpty else {
      return []
    }
    func names(_ index: (Int) -> Int) -> [[String]] {
      (0..<targets.count).map { targets.partition[$0].map { tags.names[index($0)] } }
    }
    return TagMetrics(
      predictions: names { Int(answers[$0]) }, tags: names { classes[$0] },
      marksEntities: marksEntities, loss: loss
    ).values
  }

  private var marksEntities: Bool { Entity.areMarked(by: tags.names) }

  /// F1 of entities if the tags mark entities, else accuracy.
  public var primaryMetric: PrimaryMetric {
    PrimaryMetric(marksEntities ? "f1" : "accuracy", higherIsBetter: true)
  }

  /// The `words`, and for each one its tag in `tags`; null for a word without a prediction. The
  /// logits are [rows · C], row after row.
  public func prediction(
    _ logits: [Float], of example: TextExample, words: [Int]
  ) -> JSONObject {
    var found = example.words.map { _ in JSONValue.null }
    for (row, word) in words.enumerated() {
      let place = row * tags.count
      found[word] = .string(tags.names[logits[place..<place + tags.count].positionOfLargest])
    }
    return ["words": .array(example.words.map { .string($0.text) }), "tags": .array(found)]
  }

  /// The task with its classes in the order of a head's rows.
  public func ordered(likeRowsNamed names: [String]) -> Self? {
    tags.ordered(likeRowsNamed: names).map(Self.init)
  }

  /// The tags.
  public var classes: LabelMap? { tags }
}

extension TaskKind {
  /// Token classification: each word gets a tag.
  public static let tokenClassification = TaskKind(TokenClassification.self)
}
