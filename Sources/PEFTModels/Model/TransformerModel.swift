import PEFTNetwork
import PEFTTensor

/// A transformer with an output: a backbone of some family with a head on top.
public final class TransformerModel {
  /// The configuration of the model.
  public let configuration: ModelConfiguration
  /// The output of the model.
  public let output: ModelOutput
  let backbone: any Backbone
  let head: any ModelHead

  /// Creates a model whose maps are all zero. Load or initialise its weights before use.
  public init(configuration: ModelConfiguration, output: ModelOutput) {
    self.configuration = configuration
    self.output = output
    backbone = configuration.architecture.makeBackbone()
    head = configuration.architecture.makeHead(output, on: backbone)
    // As an output layer, the word table gets a gradient in every row.
    head.vocabulary?.table.isTable = false
  }

  /// The number of tokens that a layer processes at once if nothing is recorded.
  ///
  /// A longer text is processed alone. The memory a layer uses between its input and its output
  /// therefore does not grow with the batch.
  public static let pieceTokens = 1024

  /// The number of stages of the computation: the embeddings, the layers, the head.
  public var stageCount: Int { backbone.layers.count + 2 }

  /// Computes one stage from the output of the stage before it. The first stage takes only the
  /// batch; the last returns the same as `callAsFunction`.
  public func stage(
    _ index: Int, _ input: Variable?, of batch: PackedBatch, on tape: Tape
  ) -> Variable {
    guard let input else {
      precondition(index == 0, "stage: \(index) without the output of the stage before it")
      return backbone.embed(batch, on: tape)
    }
    return index <= backbone.layers.count
      ? output(of: backbone.layers[index - 1], input, on: tape)
      : head(backbone.finish(input, on: tape), of: batch, on: tape)
  }

  /// Computes logits [B, C] or, if the output is a vocabulary, the hidden states [N, h] that
  /// `vocabulary` maps to the logits of the rows to predict.
  public func callAsFunction(_ batch: PackedBatch, on tape: Tape) -> Variable {
    head(hidden(batch, on: tape), of: batch, on: tape)
  }

  /// The hidden states [T, h] that are the input of the head.
  public func hidden(_ batch: PackedBatch, on tape: Tape) -> Variable {
    // A loop rather than a fold, because a fold would keep its first value alive to the end.
    var x = backbone.embed(batch, on: tape)
    for layer in backbone.layers { x = output(of: layer, x, on: tape) }
    return backbone.finish(x, on: tape)
  }

  /// The rows that the parameters of the task read, [B, h] or [N, h]. They depend on none of these
  /// parameters, so they are the same after every step that trains the head alone.
  package func features(_ batch: PackedBatch, on tape: Tape) -> Variable {
    head.features(hidden(batch, on: tape), of: batch, on: tape)
  }

  /// The output for these features; see `callAsFunction`.
  package func output(of features: Variable, on tape: Tape) -> Variable {
    head.output(of: features, on: tape)
  }

  private func output(
    of layer: any TransformerLayer, _ x: Variable, on tape: Tape
  ) -> Variable {
    if !tape.drops, !x.needsGradient, !layer.wantsGradient {
      return tape.inPieces(x, ofRows: Self.pieceTokens) { layer($0, on: tape) }
    }
    return tape.recomputesLayers
      ? tape.recomputed(x) { layer($0, on: $1) } : layer(x, on: tape)
  }

  /// The map from hidden states to logits; nil unless the output is a vocabulary.
  public var vocabulary: VocabularyMap? { head.vocabulary }

  /// The bias of the head's last map [C], whose outputs are the logits; nil if there is none.
  public var outputBias: Parameter? { head.outputBias }

  /// The logits of a batch: [B, C], or [N, V] if the output is a vocabulary.
  public func logits(_ batch: PackedBatch, on tape: Tape) -> Variable {
    let outputs = self(batch, on: tape)
    return vocabulary.map { tape.linear(outputs, weight: $0.table, bias: $0.bias) } ?? outputs
  }

  /// The loss of a batch.
  ///
  /// - Parameter temperature: divides the logits of a cross entropy.
  public func loss(
    _ batch: PackedBatch, _ targets: Targets, shape: LossShape = .plain, temperature: Double = 1,
    on tape: Tape
  ) -> Loss {
    tape.loss(
      self(batch, on: tape), targets: targets, vocabulary: vocabulary,
      shape: shape, temperature: temperature)
  }

  /// The linear maps of the backbone, lowest first, to which adapters may be attached.
  public var backboneLinearLayers: [LinearLayer] {
    backbone.linearLayers + head.backboneLinearLayers
  }

  /// The norms, lowest first.
  public var normalizationLayers: [NormalizationLayer] {
    backbone.normalizationLayers + head.normalizationLayers
  }

  /// The number of elements of all parameters.
  public var parameterCount: Int { parameters.reduce(0) { $0 + $1.parameter.count } }
}
