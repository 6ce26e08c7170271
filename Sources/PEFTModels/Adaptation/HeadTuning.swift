import PEFTTensor

/// Trains only the task head, on fixed features (linear probing).
public struct HeadTuning: AdaptationMethod {
  /// `head`.
  public static let name = "head"

  /// What is trained.
  public static let summary = "nothing but the task head"

  /// Creates the method.
  public init() {}

  /// Freezes the backbone.
  public func attach(to model: TransformerModel, using generator: SeededGenerator) {
    model.train { _ in false }
  }
}
