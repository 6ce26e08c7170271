import PEFTTensor

/// One transformer layer in BERT's order: after each block, its input is added and a layer norm
/// follows.
///
///     a = LN(d(W_o attention(W_q x, W_k x, W_v x)) + x);  y = LN(d(W_2 f(W_1 a)) + a)
///
/// In MPNet, the attention scores have a bias that all layers share.
final class EncoderLayer: TransformerLayer {
  /// The query projection.
  let query: LinearLayer
  /// The key projection.
  let key: LinearLayer
  /// The value projection.
  let value: LinearLayer
  /// The map from the heads back to the residual stream.
  let attentionOutput: LinearLayer
  /// The norm after attention.
  let attentionNorm: NormalizationLayer
  /// The map into the feed-forward block.
  let intermediate: LinearLayer
  /// The map out of the feed-forward block.
  let output: LinearLayer
  /// The norm after the feed-forward block.
  let outputNorm: NormalizationLayer
  private let positionBias: RelativePositionBias?
  private let configuration: EncoderConfiguration

  /// Creates a layer at the path `name` whose maps are all zero.
  init(
    name: String, configuration: EncoderConfiguration, positionBias: RelativePositionBias?
  ) {
    self.configuration = configuration
    self.positionBias = positionBias
    let (hidden, inner) = (configuration.hiddenSize, configuration.intermediateSize)
    func linear(_ path: String, _ inputs: Int, _ outputs: Int) -> LinearLayer {
      LinearLayer(name: "\(name).\(path)", inputs: inputs, outputs: outputs)
    }
    func norm(_ path: String) -> NormalizationLayer {
      NormalizationLayer(
        name: "\(name).\(path)", width: hidden, epsilon: configuration.epsilon)
    }
    let names = configuration.form.layer
    query = linear(names.query, hidden, hidden)
    key = linear(names.key, hidden, hidden)
    value = linear(names.value, hidden, hidden)
    attentionOutput = linear(names.attentionOutput, hidden, hidden)
    attentionNorm = norm(names.attentionNorm)
    intermediate = linear(names.intermediate, hidden, inner)
    output = linear(names.output, inner, hidden)
    outputNorm = norm(names.outputNorm)
  }

  var linearLayers: [LinearLayer] {
    [query, key, value, attentionOutput, intermediate, output]
  }

  var normalizationLayers: [NormalizationLayer] { [attentionNorm, outputNorm] }

  var sharedParameters: [Parameter] { (positionBias?.table).map { [$0] } ?? [] }

  /// Computes the layer, [T, hidden] → [T, hidden].
  func callAsFunction(_ x: Variable, on tape: Tape) -> Variable {
    let context = tape.attention(
      queries: query(x, on: tape), keys: key(x, on: tape), values: value(x, on: tape),
      heads: configuration.headCount, bias: positionBias,
      dropout: configuration.attentionDropout)
    let attended = attentionNorm(
      tape.dropout(
        attentionOutput(context, on: tape),
        probability: configuration.form.dropsAttention ? configuration.hiddenDropout : 0),
      adding: x, on: tape)
    let inner = intermediate(attended, activation: configuration.activation, on: tape)
    return outputNorm(
      tape.dropout(
        output(inner, on: tape),
        probability: configuration.form.dropsFeedForward ? configuration.hiddenDropout : 0),
      adding: attended, on: tape)
  }
}
