import PEFTNetwork
import PEFTTensor

/// Finds for each text the one that belongs to it, such as the answer to a question, among the
/// second texts of all pairs.
///
/// Every text is encoded by itself. The loss of a batch is multiple-negatives ranking (Henderson et
/// al. 2017), as sentence-transformers' `MultipleNegativesRankingLoss`: each second text is the
/// right class for its first text, and those of the other pairs are the wrong ones. Larger batches
/// therefore have harder tasks.
///
///     L = mean_i −log softmax_j(s cos(u_i, v_j))_i,   s = 20
public struct Retrieval: PairTask {
  /// The name in files, and of the task kind.
  public static let name = "retrieval"

  /// s, as in sentence-transformers.
  public static let scale = 20.0

  /// The task.
  public init() {}

  /// The task for at least two pairs. Labels are ignored.
  public init(training rows: TaskReader.Rows, windows: TextWindows) throws(FileError) {
    let pairs = try pairs(of: rows)
    guard Set(pairs.map(\.second)).count > 1 else {
      throw FileError(
        .malformed, path: rows.path, reason: "all second texts are equal",
        remedy: "train on pairs with different second texts")
    }
  }

  /// The task. It has no settings to read and throws nothing.
  public init(json: JSONValue, path: String) throws(FileError) {}

  /// Every first text with every second text of a batch.
  public static let scoring = PairScoring.ranking(scale: scale)

  /// The pairs, each text truncated to the reader's maximum length.
  ///
  /// Throws `malformed`, with the line, for a row without a pair.
  public func encode(
    _ rows: TaskReader.Rows, by reader: TaskReader
  ) throws(FileError) -> EncodedDataset {
    EncodedDataset(
      comparing: try pairs(of: rows), targets: nil, isRanked: true, tokenizer: reader.tokenizer,
      maximumLength: reader.maximumLength)
  }

  /// Not used: the rank of a text follows from all rows, by `RetrievalMetrics`.
  public func answers(_ logits: UnsafeBufferPointer<Float>) -> [Double] { [Double(logits[0])] }

  /// The metrics of the ranks `answers`; empty if there are none.
  public func metrics(
    of answers: [Double], targets: Targets?, loss: Double, terms: Int
  ) -> [(name: String, value: Double)] {
    RetrievalMetrics(ranks: answers, loss: loss).values
  }

  /// The share of texts whose own second text ranks first.
  public var primaryMetric: PrimaryMetric { PrimaryMetric("accuracy", higherIsBetter: true) }
}

extension TaskKind {
  /// Retrieval: the second text of a pair is found among those of all pairs.
  public static let retrieval = TaskKind(Retrieval.self)
}
