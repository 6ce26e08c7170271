import PEFTTensor

/// Texts and the targets to predict for them.
public struct Batch: Sendable {
  /// The packed texts.
  public let texts: PackedBatch
  /// The targets, one for each text or for each predicted token.
  ///
  /// An example of `targets` may consist of several texts that lie side by side, of the same number
  /// in each: two if pairs are compared, or all of the batch if its pairs are ranked together.
  public let targets: Targets

  /// Creates a batch. The number of texts must be a multiple of the number of examples that
  /// `targets` cover.
  public init(texts: PackedBatch, targets: Targets) {
    precondition(
      targets.count > 0
        ? texts.exampleCount.isMultiple(of: targets.count) : texts.exampleCount == 0,
      "Batch: \(texts.exampleCount) texts, targets for \(targets.count)")
    self.texts = texts
    self.targets = targets
  }
}
