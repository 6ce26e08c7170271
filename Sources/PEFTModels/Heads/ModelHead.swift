import PEFTNetwork
import PEFTTensor

/// The part of a model above its backbone.
public protocol ModelHead: AnyObject {
  /// Its parameters in the order of computation; those of what is new with every task
  /// are of the kind `head`.
  func sections(stage: Int) -> [ParameterSection]

  /// The linear maps that belong to the pretrained model; adapters may attach to them.
  var backboneLinearLayers: [LinearLayer] { get }

  /// The norms of the head.
  var normalizationLayers: [NormalizationLayer] { get }

  /// What the tokens become, [T, h] → logits [B, C], or the last hidden states [N, h] of
  /// the rows to predict.
  func callAsFunction(_ x: Variable, of batch: PackedBatch, on tape: Tape) -> Variable

  /// The map from hidden states to logits, where the output is a vocabulary.
  var vocabulary: VocabularyMap? { get }
}
