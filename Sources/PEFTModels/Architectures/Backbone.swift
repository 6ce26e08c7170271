import PEFTNetwork
import PEFTTensor

/// A transformer without its output, as a chain of stages: the embeddings, the layers one by one,
/// the end.
public protocol Backbone: AnyObject {
  associatedtype Layer: TransformerLayer

  /// The layers, lowest first.
  var layers: [Layer] { get }

  /// The word table [V, h].
  var wordTable: Parameter { get }

  /// The linear maps, lowest first, to which adapters may be attached.
  var linearLayers: [LinearLayer] { get }

  /// The norms, lowest first.
  var normalizationLayers: [NormalizationLayer] { get }

  /// All parameters, in the order of computation. Stage 0 is the embeddings, stage i the i-th
  /// layer, and stage `layers.count` + 1 everything after the last layer.
  var sections: [ParameterSection] { get }

  /// Computes the input of the first layer, [T, h].
  ///
  /// The batch must fit: its tokens must be in the vocabulary, and its sequences no longer than the
  /// model allows.
  func embed(_ batch: PackedBatch, on tape: Tape) -> Variable

  /// Computes the input of the head from the output of the last layer, [T, h] → [T, h].
  func finish(_ x: Variable, on tape: Tape) -> Variable
}

/// One layer of a transformer. It processes each example independently of the others.
public protocol TransformerLayer: AnyObject {
  /// The linear maps in the order of computation.
  var linearLayers: [LinearLayer] { get }

  /// The norms in the order of computation.
  var normalizationLayers: [NormalizationLayer] { get }

  /// The parameters that the layer shares with others, such as position biases; none by default.
  var sharedParameters: [Parameter] { get }

  /// Computes the layer, [T, h] → [T, h].
  func callAsFunction(_ x: Variable, on tape: Tape) -> Variable
}

extension TransformerLayer {
  /// None.
  public var sharedParameters: [Parameter] { [] }

  /// Whether any parameter wants a gradient.
  var wantsGradient: Bool {
    linearLayers.contains { $0.parameters.contains(where: \.wantsGradient) }
      || normalizationLayers.contains { $0.parameters.contains(where: \.wantsGradient) }
      || sharedParameters.contains(where: \.wantsGradient)
  }
}
