import PEFTNetwork
import PEFTTensor

/// (IA)³ (Liu et al. 2022): a vector scales the outputs of every target, or the inputs of
/// feed-forward targets, and only the vectors are trained.
///
/// The vectors are initialised to one, so training starts at the base model.
public struct VectorScaling: AdaptationMethod {
  /// `ia3`.
  public static let name = "ia3"

  /// What is trained.
  public static let summary = "vectors that scale the outputs or inputs of some layers"

  /// The last components of the paths of the linear layers to adapt, such as `key`. If empty, the
  /// layers that PEFT adapts in the model.
  public var targets: [String] = []
  /// The targets, in the same form, whose input is scaled instead of their output; nil for those
  /// that PEFT chooses.
  public var feedForward: [String]?

  /// The settings `targets` and `feedforward`.
  public static let fields: [MethodField<VectorScaling>] = [
    .names("targets", \.targets, help: "linear layers to adapt, such as key,value"),
    .names(
      "feedforward", \.feedForward,
      help: "the targets whose input is scaled, not their output, such as output.dense"),
  ]

  /// Creates the method on the layers that PEFT adapts.
  public init() {}

  /// Creates the method on these layers.
  public init(targets: [String], feedForward: [String]? = nil) {
    self.targets = targets
    self.feedForward = feedForward
  }

  /// The first target that does not name a linear layer of `model`, or the first feed-forward layer
  /// that is not a target.
  public func misfit(in model: TransformerModel) -> MethodMisfit? {
    if let misfit = model.misfit(targets: targets) { return misfit }
    let adapted = Set(layers(of: model).map(\.layer.name))
    let other = feedForward?.first { name in
      !model.linearLayers(matching: name).contains { adapted.contains($0.name) }
    }
    return other.map {
      MethodMisfit(setting: "feedforward", "no layer to adapt is called \"\($0)\"")
    }
  }

  /// The layers that the method adapts, and the side of each that it scales.
  public func layers(
    of model: TransformerModel
  ) -> [(layer: LinearLayer, side: VectorAdapter.Side)] {
    let usual = model.configuration.usualScaledTargets
    let inner = Set(
      (feedForward ?? usual.feedForward).flatMap { model.linearLayers(matching: $0) }.map(\.name))
    return (targets.isEmpty ? usual.targets : targets).flatMap {
      model.linearLayers(matching: $0)
    }.map { ($0, inner.contains($0.name) ? .input : .output) }
  }

  /// Freezes the backbone and attaches a vector of ones to every target.
  public func attach(to model: TransformerModel, using generator: SeededGenerator) {
    for (layer, side) in layers(of: model) {
      layer.adapter = VectorAdapter(for: layer, side: side)
    }
    let added = model.adapterParameters
    model.train { added.contains($0) }
  }

  /// PEFT's IA3 format.
  public static func adapterFormat(
    _ configuration: AdapterConfiguration
  ) throws(FileError) -> (any AdapterFormat)? {
    configuration.type == "IA3" ? VectorFormat() : nil
  }
}
