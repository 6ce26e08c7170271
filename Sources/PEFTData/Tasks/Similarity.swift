import PEFTNetwork
import PEFTTensor

/// Predicts a score for each pair of texts by the cosine of their embeddings.
///
/// Every text is encoded by itself. The loss is the mean squared error of the cosines, as
/// sentence-transformers' `CosineSimilarityLoss`, so the scores must be from −1 to 1.
public struct Similarity: PairTask {
  /// The name in files, and of the task kind.
  public static let name = "similarity"

  /// The task.
  public init() {}

  /// The task for pairs whose labels are scores, not all of them equal.
  public init(training rows: TaskReader.Rows, windows: TextWindows) throws(FileError) {
    _ = try rows.distinctLabels()
    _ = try pairs(of: rows)
    _ = try targets(of: rows)
  }

  /// The task. It has no settings to read and throws nothing.
  public init(json: JSONValue, path: String) throws(FileError) {}

  /// The cosine of each pair.
  public static let scoring = PairScoring.cosine

  /// The pairs with their scores, each text truncated to the reader's maximum length.
  ///
  /// Throws `malformed`, with the line, for a row without a pair or without a score.
  public func encode(
    _ rows: TaskReader.Rows, by reader: TaskReader
  ) throws(FileError) -> EncodedDataset {
    EncodedDataset(
      comparing: try pairs(of: rows), targets: try targets(of: rows), isRanked: false,
      tokenizer: reader.tokenizer, maximumLength: reader.maximumLength)
  }

  /// The score of each row.
  ///
  /// Throws `malformed`, with the line, for a row without a label, and for a label that is not a
  /// number from −1 to 1.
  private func targets(of rows: TaskReader.Rows) throws(FileError) -> Targets {
    let targets = try Regression().targets(of: rows)
    guard case .values(let values) = targets.kind else { return targets }
    if let index = values.firstIndex(where: { abs($0) > 1 }) {
      let line = rows.examples[index].line
      throw FileError(
        .malformed, path: rows.path, place: "line \(line)",
        reason: "the score \(values[index]), and cosines are from −1 to 1",
        remedy: "divide all scores by the highest possible one, as those of STS-B by 5")
    }
    return targets
  }

  /// The cosine; the logits are [1].
  public func answers(_ logits: UnsafeBufferPointer<Float>) -> [Double] { [Double(logits[0])] }

  /// The metrics of `RegressionMetrics`; empty if there are no true scores.
  public func metrics(
    of answers: [Double], targets: Targets?, loss: Double, terms: Int
  ) -> [(name: String, value: Double)] {
    Regression().metrics(of: answers, targets: targets, loss: loss, terms: terms)
  }

  /// Spearman's correlation.
  public var primaryMetric: PrimaryMetric { PrimaryMetric("spearman", higherIsBetter: true) }
}

extension TaskKind {
  /// Similarity: the cosine of the embeddings of a pair is its score.
  public static let similarity = TaskKind(Similarity.self)
}
