import PEFTTensor

/// What turns the encoder's output into logits, as transformers defines it for each family, or over
/// the mean of the tokens.
///
///     BERT:    W_c d(tanh(W_p x_first))        the pooler W_p belongs to the pretrained model
///     RoBERTa: W_o d(tanh(W_d d(x_first)))
///     mean:    W_c d(mean x)
public final class ClassificationHead {
  /// How the tokens of an example become one vector.
  public let pooling: Pooling
  /// BERT's pooler, part of the backbone; nil in RoBERTa and with mean pooling.
  public let pooler: LinearLayer?
  /// The hidden map of RoBERTa's head.
  public let hidden: LinearLayer?
  /// The map onto the logits.
  public let output: LinearLayer
  private let dropout: Double
  private let architecture: EncoderConfiguration.Architecture

  /// A head of zero maps with `outputCount` logits, C.
  public init(configuration: EncoderConfiguration, pooling: Pooling, outputCount: Int) {
    self.pooling = pooling
    let width = configuration.hiddenSize
    architecture = configuration.architecture
    dropout = configuration.classifierDropout ?? configuration.hiddenDropout
    let hasHidden = pooling == .first && architecture == .roberta
    pooler =
      pooling == .first && architecture == .bert
      ? LinearLayer(name: "bert.pooler.dense", inputs: width, outputs: width) : nil
    hidden =
      hasHidden ? LinearLayer(name: "classifier.dense", inputs: width, outputs: width) : nil
    output = LinearLayer(
      name: hasHidden ? "classifier.out_proj" : "classifier", inputs: width, outputs: outputCount)
  }

  /// The maps that are new with every task.
  public var taskLayers: [LinearLayer] { (hidden.map { [$0] } ?? []) + [output] }

  /// The encoder's output [T, hidden] → logits [B, C].
  public func callAsFunction(_ x: Variable, on tape: Tape) -> Variable {
    var y = tape.pool(x, pooling)
    if let pooler { y = tape.activation(pooler(y, on: tape), .tanh) }
    y = tape.dropout(y, probability: dropout)
    if let hidden {
      y = tape.dropout(
        tape.activation(hidden(y, on: tape), .tanh), probability: dropout)
    }
    return output(y, on: tape)
  }
}
