import PEFTNetwork
import PEFTTensor

/// HyperAdapt: scales the rows and the columns of every target's weight by trained vectors,
/// diag(a) W diag(c).
///
/// The change of W may have full rank, with out + in parameters. The vectors start at one, so
/// training starts at the base model.
public struct DiagonalScaling: AdaptationMethod {
  /// `hyperadapt`.
  public static let name = "hyperadapt"

  /// What is trained.
  public static let summary = "vectors that scale the rows and columns of every linear weight"

  /// The last components of the paths of the linear layers to adapt, such as `query`; all if empty.
  public var targets: [String] = []

  /// The targets.
  public static let fields: [MethodField<DiagonalScaling>] = [
    .names("targets", \.targets, help: "linear layers to adapt, such as query,value")
  ]

  /// Creates the method on all linear layers.
  public init() {}

  /// Creates the method on these layers.
  public init(targets: [String]) { self.targets = targets }

  /// The first target that does not name a linear layer of `model`.
  public func misfit(in model: TransformerModel) -> MethodMisfit? { model.misfit(targets: targets) }

  /// Freezes the backbone and adds two vectors of ones to every target.
  public func attach(to model: TransformerModel, using generator: SeededGenerator) {
    for layer in model.linearLayers(matchingAnyOf: targets) {
      layer.adapter = DiagonalAdapter(for: layer)
    }
    let added = model.adapterParameters
    model.train { added.contains($0) }
  }
}
