import PEFTNetwork
import PEFTTensor

/// The part of a model above its backbone.
public protocol ModelHead: AnyObject {
  /// The head's parameters in the order of computation. Those that are new for every task have the
  /// kind `head`.
  func sections(stage: Int) -> [ParameterSection]

  /// The linear maps that belong to the pretrained model, to which adapters may be attached.
  var backboneLinearLayers: [LinearLayer] { get }

  /// The norms of the head.
  var normalizationLayers: [NormalizationLayer] { get }

  /// Computes from the tokens, [T, h], what the parameters of the task read: one row for each
  /// output. It depends on none of them.
  func features(_ x: Variable, of batch: PackedBatch, on tape: Tape) -> Variable

  /// Computes the output from the features: logits [B, C], or the last hidden states [N, h] of the
  /// rows to predict.
  func output(of features: Variable, on tape: Tape) -> Variable

  /// The map from hidden states to logits; nil unless the output is a vocabulary.
  var vocabulary: VocabularyMap? { get }

  /// The bias of the last map [C], whose outputs are the logits; nil if there is none.
  var outputBias: Parameter? { get }
}

extension ModelHead {
  /// Computes the output from the tokens, [T, h] → logits [B, C], or the last hidden states [N, h]
  /// of the rows to predict.
  func callAsFunction(_ x: Variable, of batch: PackedBatch, on tape: Tape) -> Variable {
    output(of: features(x, of: batch, on: tape), on: tape)
  }

  /// Nil by default.
  var outputBias: Parameter? { nil }
}
