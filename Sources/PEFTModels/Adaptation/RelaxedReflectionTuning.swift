import PEFTNetwork
import PEFTTensor

/// ETHER+ (Bini et al. 2024, arXiv 2405.20271): replaces one direction of the inputs and one of the
/// outputs of every target by others, H W H̃ with H = I − û ûᵀ + v̂ v̂ᵀ and H̃ of the same form, by
/// trained vectors of any length.
///
/// The change of W is bounded, ‖H − I‖ ≤ √2 in the Frobenius norm, and has rank 4. The vectors of a
/// side start equal, so training starts at the base model.
public struct RelaxedReflectionTuning: AdaptationMethod {
  /// `ether+`.
  public static let name = "ether+"

  /// What is trained.
  public static let summary = "relaxed reflections on both sides of every linear weight"

  /// The last components of the paths of the linear layers to adapt, such as `query`; all if empty.
  public var targets: [String] = []

  /// The targets.
  public static let fields: [MethodField<RelaxedReflectionTuning>] = [
    .names("targets", \.targets, help: "linear layers to adapt, such as query,value")
  ]

  /// Creates the method on all linear layers.
  public init() {}

  /// Creates the method on these layers.
  public init(targets: [String]) { self.targets = targets }

  /// The first target that does not name a linear layer of `model`.
  public func misfit(in model: TransformerModel) -> MethodMisfit? { model.misfit(targets: targets) }

  /// Freezes the backbone and adds four vectors to every target.
  public func attach(to model: TransformerModel, using generator: SeededGenerator) {
    for layer in model.linearLayers(matchingAnyOf: targets) {
      layer.adapter = RelaxedReflectionAdapter(for: layer, using: generator)
    }
    let added = model.adapterParameters
    model.train { added.contains($0) }
  }
}
