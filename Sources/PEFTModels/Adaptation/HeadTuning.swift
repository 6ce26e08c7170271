import PEFTTensor

/// Only the task head trains, on features that stay as they are (linear probing).
public struct HeadTuning: AdaptationMethod {
  /// `head`.
  public static let name = "head"

  /// What trains.
  public static let summary = "nothing but the task head"

  /// The method.
  public init() {}

  /// 1e-3.
  public let usualLearningRate = 1e-3

  /// Freezes the backbone.
  public func attach(to model: TransformerModel, using generator: SeededGenerator) {
    model.train { _ in false }
  }
}
