import PEFTTensor

/// Only the task head trains, on features that stay as they are (linear probing).
public struct HeadTuning: AdaptationMethod {
  /// `head`.
  public static let name = "head"

  /// The method.
  public init() {}

  /// Freezes the backbone.
  public func attach(to model: TransformerModel, using generator: SeededGenerator) {
    model.train { _ in false }
  }
}
