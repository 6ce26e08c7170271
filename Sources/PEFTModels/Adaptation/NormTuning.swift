import PEFTTensor

/// Trains the scale and shift of every norm.
public struct NormTuning: AdaptationMethod {
  /// `norm`.
  public static let name = "norm"

  /// What is trained.
  public static let summary = "scale and bias of every norm"

  /// Creates the method.
  public init() {}

  /// Makes the norms trainable.
  public func attach(to model: TransformerModel, using generator: SeededGenerator) {
    let norms = Set(model.normalizationLayers.flatMap(\.parameters))
    model.train { norms.contains($0) }
  }
}
