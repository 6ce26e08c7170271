import PEFTNetwork
import PEFTTensor

/// DoRA (Liu et al. 2024): a LoRA delta changes the direction of every row of a target's weight,
/// and a separate vector its length.
///
/// Both are trained. Training starts at the base model.
public struct WeightDecomposedAdaptation: AdaptationMethod {
  /// `dora`.
  public static let name = "dora"

  /// What is trained.
  public static let summary = "low-rank factors and lengths of rows of some weights"

  /// The rank, alpha, dropout and targets.
  public var lowRank: LowRankAdaptation

  /// The settings of LoRA's delta.
  public static let fields: [MethodField<WeightDecomposedAdaptation>] =
    LowRankAdaptation.deltaFields.map { $0.inside(\.lowRank) }

  /// Creates the method with rank 8 on LoRA's usual layers.
  public init() { self.init(LowRankAdaptation()) }

  /// Creates DoRA with the settings of a LoRA.
  public init(_ lowRank: LowRankAdaptation) { self.lowRank = lowRank }

  /// The name, the rank, and the settings that make it a variant.
  public var label: String { lowRank.label(name) }

  /// The method with the largest rank at which deltas, lengths and the head are within `budget`
  /// parameters, or with rank 1 if that exceeds it.
  public func sized(within budget: Int, for model: TransformerModel) -> Self {
    let lengths = lowRank.layers(of: model).reduce(0) { $0 + $1.weight.shape.rows }
    return Self(lowRank.sized(within: budget - lengths, for: model))
  }

  /// The first target that does not name a linear layer of `model`.
  public func misfit(in model: TransformerModel) -> MethodMisfit? { lowRank.misfit(in: model) }

  /// Freezes the backbone and adds A, B and m to every target. A is initialised to the same numbers
  /// as in LoRA.
  public func attach(to model: TransformerModel, using generator: SeededGenerator) {
    for layer in lowRank.layers(of: model) {
      layer.adapter = WeightDecomposedAdapter(
        for: layer, lowRank: lowRank.adapter(for: layer, using: generator))
    }
    let added = model.adapterParameters
    model.train { added.contains($0) }
  }

  /// PEFT's LoRA format with `use_dora`.
  public static func adapterFormat(
    _ configuration: AdapterConfiguration
  ) throws(FileError) -> (any AdapterFormat)? {
    guard configuration.type == "LORA", configuration["use_dora"]?.bool == true else { return nil }
    return WeightDecomposedFormat(lowRank: try LowRankFormat(configuration))
  }
}
