import PEFTNetwork
import PEFTTensor

/// ETHER (Bini et al. 2024, arXiv 2405.20271): reflects the inputs of every target, W H with
/// H = I − 2 û ûᵀ, by one trained vector u of any length.
///
/// The change of W has the same norm whatever u is, ‖W H − W‖ ≤ 2 ‖W‖, so that high learning rates
/// do no harm. It is never zero: training does not start at the base model, from which the
/// reflection differs in one random direction of the inputs. The reflection is one block; the
/// paper's division into several, which saves time on a GPU, is left out.
public struct SingleReflectionTuning: AdaptationMethod {
  /// `ether`.
  public static let name = "ether"

  /// What is trained.
  public static let summary = "one reflection of the inputs of every linear weight"

  /// The last components of the paths of the linear layers to adapt, such as `query`; all if empty.
  public var targets: [String] = []

  /// The targets.
  public static let fields: [MethodField<SingleReflectionTuning>] = [
    .names("targets", \.targets, help: "linear layers to adapt, such as query,value")
  ]

  /// Creates the method on all linear layers.
  public init() {}

  /// Creates the method on these layers.
  public init(targets: [String]) { self.targets = targets }

  /// The first target that does not name a linear layer of `model`.
  public func misfit(in model: TransformerModel) -> MethodMisfit? { model.misfit(targets: targets) }

  /// Freezes the backbone and adds a vector to every target.
  public func attach(to model: TransformerModel, using generator: SeededGenerator) {
    for layer in model.linearLayers(matchingAnyOf: targets) {
      layer.adapter = ReflectionAdapter(
        for: layer, columns: layer.randomVector(ReflectionAdapter.suffix, using: generator))
    }
    let added = model.adapterParameters
    model.train { added.contains($0) }
  }
}

extension LinearLayer {
  /// A vector [in, 1], or [out, 1] on the side of the outputs, uniform in ±1/√n of its n elements.
  func randomVector(
    _ suffix: String, ofOutputs: Bool = false, using generator: SeededGenerator
  ) -> Tensor {
    var draws = generator.split(name + "." + suffix)
    let count = ofOutputs ? weight.shape.rows : weight.shape.columns
    let bound = 1 / Float(count).squareRoot()
    return Tensor(uniform: [count, 1], in: -bound...bound, using: &draws)
  }
}
