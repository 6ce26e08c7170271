import PEFTNetwork
import PEFTTensor

/// The head that turns a backbone's output into class logits, as transformers defines it for each
/// family, or from the mean of the tokens.
///
///     BERT:     W_c d(tanh(W_p x_first))    the pooler W_p belongs to the pretrained model
///     RoBERTa:  W_o d(f(W_d d(x_first)))    f is tanh, in ELECTRA GELU; in DistilBERT, f is ReLU
///                                           and there is no dropout before W_d
///     decoders: W_s x_last                  without a bias
///     mean:     W_c d(mean x)
final class ClassificationHead: ModelHead {
  /// The map before the output: BERT's pooler, RoBERTa's hidden map, or none.
  enum Before {
    case nothing
    /// A map that is part of the pretrained model.
    case pooler(LinearLayer)
    /// A map that is new for every task, its activation, and whether there is dropout before it.
    case hidden(LinearLayer, Activation, dropsInput: Bool)
  }

  /// How the head reads the tokens.
  let pooling: Pooling
  /// The map before the output.
  let before: Before
  /// The map to logits.
  let output: LinearLayer
  private let dropout: Double

  /// Creates a head that pools the tokens by `pooling`, with a map to logits [C, h].
  init(pooling: Pooling, before: Before = .nothing, output: LinearLayer, dropout: Double = 0) {
    self.pooling = pooling
    self.before = before
    self.output = output
    self.dropout = dropout
  }

  let vocabulary: VocabularyMap? = nil

  var outputBias: Parameter? { output.bias }

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
    case .hidden(let hidden, _, _): task.add(hidden.parameters, .head)
    }
    task.add(output.parameters, .head)
    return sections + [task]
  }

  var backboneLinearLayers: [LinearLayer] {
    if case .pooler(let pooler) = before { [pooler] } else { [] }
  }

  var normalizationLayers: [NormalizationLayer] { [] }

  func features(_ x: Variable, of batch: PackedBatch, on tape: Tape) -> Variable {
    let pooled = tape.pool(x, pooling)
    return if case .pooler(let pooler) = before {
      pooler(pooled, activation: .tanh, on: tape)
    } else {
      pooled
    }
  }

  func output(of features: Variable, on tape: Tape) -> Variable {
    var y = features
    if case .hidden(let hidden, let activation, let dropsInput) = before {
      if dropsInput { y = tape.dropout(y, probability: dropout) }
      y = hidden(y, activation: activation, on: tape)
    }
    return output(tape.dropout(y, probability: dropout), on: tape)
  }
}
