import PEFTTensor

/// Texts and what is to be predicted for them.
public struct Batch: Sendable {
  /// The texts, packed.
  public let texts: PackedBatch
  /// One target for each, or for each predicted token.
  public let targets: Targets

  /// A batch; there must be targets for as many examples as there are texts.
  public init(texts: PackedBatch, targets: Targets) {
    precondition(
      texts.exampleCount == targets.count,
      "Batch: \(texts.exampleCount) texts, targets for \(targets.count)")
    self.texts = texts
    self.targets = targets
  }
}
