import PEFTTensor

/// Trains every bias, including those of the norms (BitFit, Ben Zaken et al. 2022).
public struct BiasTuning: AdaptationMethod {
  /// `bitfit`.
  public static let name = "bitfit"

  /// What is trained.
  public static let summary = "every bias"

  /// Creates the method.
  public init() {}

  /// Makes every parameter that the checkpoint calls a bias trainable.
  public func attach(to model: TransformerModel, using generator: SeededGenerator) {
    model.train { $0.name.hasSuffix(".bias") }
  }
}
