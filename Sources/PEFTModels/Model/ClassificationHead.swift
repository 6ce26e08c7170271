import PEFTNetwork
import PEFTTensor

/// What turns a backbone's output into the logits of classes, as transformers defines it for each
/// family, or over the mean of the tokens.
///
///     BERT:    W_c d(tanh(W_p x_first))        the pooler W_p belongs to the pretrained model
///     RoBERTa: W_o d(tanh(W_d d(x_first)))
///     GPT-2:   W_s x_last                      without a bias
///     mean:    W_c d(mean x)
final class ClassificationHead: ModelHead {
  let pooling: Pooling
  /// BERT's pooler, part of the backbone; nil in the other families and with another pooling.
  let pooler: LinearLayer?
  /// The hidden map of RoBERTa's head.
  private let hidden: LinearLayer?
  private let output: LinearLayer
  private let dropout: Double

  /// A head of zero maps with `outputCount` logits, C.
  init(configuration: ModelConfiguration, pooling: Pooling, outputCount: Int) {
    self.pooling = pooling
    switch configuration {
    case .encoder(let encoder):
      let width = encoder.hiddenSize
      dropout = encoder.classifierDropout ?? encoder.hiddenDropout
      let isFirst = pooling == .first
      pooler =
        isFirst && encoder.architecture == .bert
        ? LinearLayer(name: "bert.pooler.dense", inputs: width, outputs: width) : nil
      hidden =
        isFirst && encoder.architecture == .roberta
        ? LinearLayer(name: "classifier.dense", inputs: width, outputs: width) : nil
      output = LinearLayer(
        name: hidden == nil ? "classifier" : "classifier.out_proj", inputs: width,
        outputs: outputCount)
    case .gpt2(let gpt2):
      dropout = 0
      pooler = nil
      hidden = nil
      output = LinearLayer(
        name: "score", inputs: gpt2.hiddenSize, outputs: outputCount, hasBias: false)
    }
  }

  let vocabulary: VocabularyMap? = nil

  func sections(stage: Int) -> [ParameterSection] {
    var sections: [ParameterSection] = []
    if let pooler {
      var section = ParameterSection(place: "pooler", prefix: "bert.pooler.", stage: stage)
      section.add(pooler, .feedForward)
      sections.append(section)
    }
    var task = ParameterSection(place: "head", prefix: "", stage: stage)
    task.add(((hidden.map { [$0] } ?? []) + [output]).flatMap(\.parameters), .head)
    return sections + [task]
  }

  var backboneLinearLayers: [LinearLayer] { pooler.map { [$0] } ?? [] }

  var normalizationLayers: [NormalizationLayer] { [] }

  func callAsFunction(_ x: Variable, of batch: PackedBatch, on tape: Tape) -> Variable {
    var y = tape.pool(x, pooling)
    if let pooler { y = pooler(y, activation: .tanh, on: tape) }
    y = tape.dropout(y, probability: dropout)
    if let hidden {
      y = tape.dropout(
        hidden(y, activation: .tanh, on: tape), probability: dropout)
    }
    return output(y, on: tape)
  }
}
