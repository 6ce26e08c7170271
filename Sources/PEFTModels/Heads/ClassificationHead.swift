import PEFTNetwork
import PEFTTensor

/// What turns a backbone's output into the logits of classes, as transformers defines it for each
/// family, or over the mean of the tokens.
///
///     BERT:           W_c d(tanh(W_p x_first))    the pooler W_p belongs to the pretrained model
///     RoBERTa:        W_o d(tanh(W_d d(x_first)))
///     GPT-2, Llama:   W_s x_last                  without a bias
///     mean:           W_c d(mean x)
final class ClassificationHead: ModelHead {
  /// BERT's pooler and RoBERTa's hidden map, where there is one.
  enum Before {
    case nothing
    /// A map that is part of the pretrained model.
    case pooler(LinearLayer)
    /// A map that is new with every task.
    case hidden(LinearLayer)
  }

  private let pooling: Pooling
  private let before: Before
  private let output: LinearLayer
  private let dropout: Double

  /// A head that reads the tokens as `pooling` does, with a map to logits [C, h].
  init(pooling: Pooling, before: Before = .nothing, output: LinearLayer, dropout: Double = 0) {
    self.pooling = pooling
    self.before = before
    self.output = output
    self.dropout = dropout
  }

  let vocabulary: VocabularyMap? = nil

  func sections(stage: Int) -> [ParameterSection] {
    var sections: [ParameterSection] = []
    var task = ParameterSection(place: "head", prefix: "", stage: stage)
    switch before {
    case .nothing: break
    case .pooler(let pooler):
      let prefix = pooler.name.prefix { $0 != "." } + ".pooler."
      var section = ParameterSection(place: "pooler", prefix: String(prefix), stage: stage)
      section.add(pooler, .feedForward)
      sections.append(section)
    case .hidden(let hidden): task.add(hidden.parameters, .head)
    }
    task.add(output.parameters, .head)
    return sections + [task]
  }

  var backboneLinearLayers: [LinearLayer] {
    if case .pooler(let pooler) = before { [pooler] } else { [] }
  }

  var normalizationLayers: [NormalizationLayer] { [] }

  func callAsFunction(_ x: Variable, of batch: PackedBatch, on tape: Tape) -> Variable {
    var y = tape.pool(x, pooling)
    if case .pooler(let pooler) = before { y = pooler(y, activation: .tanh, on: tape) }
    y = tape.dropout(y, probability: dropout)
    if case .hidden(let hidden) = before {
      y = tape.dropout(
        hidden(y, activation: .tanh, on: tape), probability: dropout)
    }
    return output(y, on: tape)
  }
}
