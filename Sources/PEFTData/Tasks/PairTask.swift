import PEFTNetwork
import PEFTTensor

/// A task that compares the two texts of a pair by their embeddings. A model trained on it embeds
/// single texts too.
public protocol PairTask: PredictionTask {
  /// What the model computes of the pairs of a batch.
  static var scoring: PairScoring { get }
}

extension PairTask {
  /// The `task_type` of an adapter.
  public static var adapterTaskType: String { "FEATURE_EXTRACTION" }

  /// Empty: the task has no settings.
  public var settings: JSONObject { [:] }

  /// The scores of pairs.
  public func output(pooling: Pooling) -> ModelOutput { .pairs(Self.scoring, pooling: pooling) }

  /// Nil: the head has no rows.
  public func ordered(likeRowsNamed names: [String]) -> Self? { nil }

  /// The `value`, the cosine of the two texts.
  public func prediction(_ logits: [Float], of _: TextExample, words _: [Int]) -> JSONObject {
    ["value": .number(Double(logits[0]))]
  }

  /// The pairs, each text truncated to the reader's maximum length; their labels are ignored.
  ///
  /// Throws `malformed`, with the line, for a row without a pair.
  public func encodeUnlabelled(
    _ rows: TaskReader.Rows, by reader: TaskReader
  ) throws(FileError) -> EncodedDataset {
    EncodedDataset(
      comparing: try pairs(of: rows), targets: nil, isRanked: false, tokenizer: reader.tokenizer,
      maximumLength: reader.maximumLength)
  }

  /// The texts of each row.
  ///
  /// Throws `malformed`, with the line, for a row without a pair.
  func pairs(of rows: TaskReader.Rows) throws(FileError) -> [(first: String, second: String)] {
    var pairs: [(first: String, second: String)] = []
    for example in rows.examples {
      guard let second = example.pair else {
        throw FileError(
          .malformed, path: rows.path, place: "line \(example.line)",
          reason: "the task \(Self.name) compares the two texts of a pair, and there is one text"
            + (rows.columns.map { " (\($0))" } ?? ""),
          remedy: "name both with `columns`, as in text_a=1,text_b=2")
      }
      pairs.append((example.text, second))
    }
    return pairs
  }
}
