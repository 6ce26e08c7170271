import PEFTTensor

/// Scale and shift of every layer norm train.
public struct NormTuning: AdaptationMethod {
  /// `norm`.
  public static let name = "norm"

  /// What trains.
  public static let summary = "scale and bias of every norm"

  /// The method.
  public init() {}

  /// Makes the norms trainable.
  public func attach(to model: TransformerModel, using generator: SeededGenerator) {
    let norms = Set(model.normalizationLayers.flatMap(\.parameters))
    model.train { norms.contains($0) }
  }
}
