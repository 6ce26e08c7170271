import PEFTTensor

/// Everything trains.
public struct FullTuning: AdaptationMethod {
  /// `full`.
  public static let name = "full"

  /// The method.
  public init() {}

  /// Makes every parameter trainable.
  public func attach(to model: TransformerModel, using generator: SeededGenerator) {
    model.train { _ in true }
  }
}
