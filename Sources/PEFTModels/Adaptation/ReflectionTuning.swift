import PEFTNetwork
import PEFTTensor

/// HRA (Yuan et al. 2024, arXiv 2405.17484): multiplies the weight W of every target by a product
/// of R trained reflections of its inputs, W H₁ H₂ ⋯ H_R with H_i = I − 2 u_i u_iᵀ / ‖u_i‖².
///
/// The product is orthogonal, so singular values and angles between rows of W do not change. The
/// vectors start equal in pairs, whose reflections cancel, so training starts at the base model.
/// The published penalty on vectors that are not orthogonal to each other is left out, as in PEFT.
public struct ReflectionTuning: AdaptationMethod {
  /// `hra`.
  public static let name = "hra"

  /// What is trained.
  public static let summary = "reflections of the inputs of some weights"

  /// R, an even number.
  public var rank = 8
  /// The last components of the paths of the linear layers to adapt, such as `query`; LoRA's usual
  /// layers if empty.
  public var targets: [String] = []

  /// Rank and targets.
  public static let fields: [MethodField<ReflectionTuning>] = [
    MethodField(
      name: "rank", help: "the number of reflections, an even number from 2 to 1024",
      json: { .integer($0.rank) },
      set: { method, value in
        guard let rank = value.integer, isValid(rank) else { return false }
        method.rank = rank
        return true
      }, parse: { Int($0).map { .integer($0) } }),
    .names("targets", \.targets, help: "linear layers to adapt, such as query,value"),
  ]

  private static func isValid(_ rank: Int) -> Bool {
    rank > 0 && rank.isMultiple(of: 2) && rank <= AdapterCandidates.rankLimit
  }

  /// Creates the method with 8 reflections on LoRA's usual layers.
  public init() {}

  /// Creates the method with `rank` reflections, an even number, on the targets.
  public init(rank: Int, targets: [String] = []) {
    precondition(Self.isValid(rank), "ReflectionTuning: rank \(rank)")
    (self.rank, self.targets) = (rank, targets)
  }

  /// The name and the rank.
  public var label: String { "\(name) r\(rank)" }

  /// The method with the largest rank at which the vectors and the head are within `budget`
  /// parameters, or with rank 2 if that exceeds it.
  public func sized(within budget: Int, for model: TransformerModel) -> Self {
    let perPair = 2 * layers(of: model).reduce(0) { $0 + $1.weight.shape.columns }
    let head = model.taskParameters.reduce(0) { $0 + $1.count }
    var sized = self
    sized.rank = min(AdapterCandidates.rankLimit, 2 * max(1, (budget - head) / max(1, perPair)))
    return sized
  }

  /// The first target that does not name a linear layer of `model`.
  public func misfit(in model: TransformerModel) -> MethodMisfit? { model.misfit(targets: targets) }

  /// The layers that the method adapts.
  public func layers(of model: TransformerModel) -> [LinearLayer] {
    model.linearLayers(matchingAnyOf: targets.isEmpty ? model.configuration.usualTargets : targets)
  }

  /// Freezes the backbone and adds the vectors to every target.
  public func attach(to model: TransformerModel, using generator: SeededGenerator) {
    for layer in layers(of: model) {
      layer.adapter = ReflectionAdapter(for: layer, rank: rank, using: generator)
    }
    let added = model.adapterParameters
    model.train { added.contains($0) }
  }

  /// PEFT's HRA format.
  public static func adapterFormat(
    _ configuration: AdapterConfiguration
  ) throws(FileError) -> (any AdapterFormat)? {
    configuration.type == "HRA" ? try ReflectionFormat(configuration) : nil
  }
}
