import PEFTTensor

/// Texts and the targets to predict for them.
public struct Batch: Sendable {
  /// The packed texts.
  public let texts: PackedBatch
  /// The targets, one for each text or for each predicted token.
  public let targets: Targets

  /// Creates a batch. `targets` must cover as many examples as there are texts.
  public init(texts: PackedBatch, targets: Targets) {
    precondition(
      texts.exampleCount == targets.count,
      "Batch: \(texts.exampleCount) texts, targets for \(targets.count)")
    self.texts = texts
    self.targets = targets
  }
}
