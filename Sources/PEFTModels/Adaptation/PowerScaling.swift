import PEFTNetwork
import PEFTTensor

/// Propulsion (Kowsher et al. 2024, arXiv 2409.10927): scales the outputs of every target by zᵏ, a
/// fixed power of a trained vector.
///
/// Near z = 1, where training starts, zᵏ moves k times as far as z: to first order this is (IA)³ on
/// all outputs with k times the learning rate. The paper uses degrees from 15 to 55.
public struct PowerScaling: AdaptationMethod {
  /// `propulsion`.
  public static let name = "propulsion"

  /// What is trained.
  public static let summary = "vectors whose power scales the outputs of every linear weight"

  /// k.
  public var degree = 15
  /// The last components of the paths of the linear layers to adapt, such as `query`; all if empty.
  public var targets: [String] = []

  /// Degree and targets.
  public static let fields: [MethodField<PowerScaling>] = [
    .integer(
      "degree", \.degree, in: 1...degreeLimit, help: "the power of the vector, from 1 to 100"),
    .names("targets", \.targets, help: "linear layers to adapt, such as query,value"),
  ]

  private static let degreeLimit = 100

  /// Creates the method of degree 15 on all linear layers.
  public init() {}

  /// Creates the method on these layers.
  public init(degree: Int, targets: [String] = []) {
    precondition((1...Self.degreeLimit).contains(degree), "PowerScaling: degree \(degree)")
    (self.degree, self.targets) = (degree, targets)
  }

  /// The first target that does not name a linear layer of `model`.
  public func misfit(in model: TransformerModel) -> MethodMisfit? { model.misfit(targets: targets) }

  /// Freezes the backbone and adds a vector of ones to every target.
  public func attach(to model: TransformerModel, using generator: SeededGenerator) {
    for layer in model.linearLayers(matchingAnyOf: targets) {
      layer.adapter = PowerAdapter(for: layer, degree: degree)
    }
    let added = model.adapterParameters
    model.train { added.contains($0) }
  }
}
