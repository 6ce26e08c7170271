import PEFTTensor

/// Trains every parameter.
public struct FullTuning: AdaptationMethod {
  /// `full`.
  public static let name = "full"

  /// What is trained.
  public static let summary = "everything"

  /// Creates the method.
  public init() {}

  /// Makes every parameter trainable.
  public func attach(to model: TransformerModel, using generator: SeededGenerator) {
    model.train { _ in true }
  }
}
