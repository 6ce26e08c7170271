import PEFTNetwork
import PEFTTensor

/// A transformer without its output, as a chain: the embeddings, the layers one by one, the end.
public protocol Backbone: AnyObject {
  associatedtype Layer: TransformerLayer

  /// The layers, lowest first.
  var layers: [Layer] { get }

  /// The word table [V, h].
  var wordTable: Parameter { get }

  /// The linear maps, lowest first; adapters may attach to them.
  var linearLayers: [LinearLayer] { get }

  /// The norms, lowest first.
  var normalizationLayers: [NormalizationLayer] { get }

  /// Every parameter in the order of computation. Stage 0 are the embeddings, stage i the i-th
  /// layer, stage `layers.count` + 1 what comes after the last.
  var sections: [ParameterSection] { get }

  /// The input of the first layer, [T, h].
  ///
  /// The batch must fit: tokens inside the vocabulary, sequences no longer than the model takes.
  func embed(_ batch: PackedBatch, on tape: Tape) -> Variable

  /// What an output reads, from that of the last layer, [T, h] → [T, h].
  func finish(_ x: Variable, on tape: Tape) -> Variable
}

/// One layer of a transformer. Examples do not see each other in it.
public protocol TransformerLayer: AnyObject {
  /// The linear maps in the order of computation.
  var linearLayers: [LinearLayer] { get }

  /// The norms in the order of computation.
  var normalizationLayers: [NormalizationLayer] { get }

  /// x [T, h] → [T, h].
  func callAsFunction(_ x: Variable, on tape: Tape) -> Variable
}

extension TransformerLayer {
  /// Whether any parameter wants a gradient.
  var wantsGradient: Bool {
    linearLayers.contains { $0.parameters.contains(where: \.wantsGradient) }
      || normalizationLayers.contains { $0.parameters.contains(where: \.wantsGradient) }
  }
}
