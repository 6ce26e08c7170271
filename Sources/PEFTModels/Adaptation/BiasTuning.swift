import PEFTTensor

/// Every bias trains, those of the norms included (BitFit, Ben Zaken et al. 2022).
public struct BiasTuning: AdaptationMethod {
  /// `bitfit`.
  public static let name = "bitfit"

  /// What trains.
  public static let summary = "every bias"

  /// The method.
  public init() {}

  /// Makes trainable what the checkpoint names a bias.
  public func attach(to model: TransformerModel, using generator: SeededGenerator) {
    model.train { $0.name.hasSuffix(".bias") }
  }
}
