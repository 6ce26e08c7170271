import PEFTTensor

/// One transformer layer in GPT-2's order: a norm precedes each block, and the block's output is
/// added to the residual stream.
///
///     a = x + d(W_o attention(W_a LN₁(x)));  y = a + d(W_p f(W_f LN₂(a)))
final class GPT2Layer: DecodingLayer {
  /// The norm before attention.
  let attentionNorm: NormalizationLayer
  /// The joint query-key-value projection [3·h, h].
  let attention: LinearLayer
  /// The map from the heads back to the residual stream.
  let attentionOutput: LinearLayer
  /// The norm before the feed-forward block.
  let innerNorm: NormalizationLayer
  /// The map into the feed-forward block.
  let intermediate: LinearLayer
  /// The map out of the feed-forward block.
  let output: LinearLayer
  let configuration: GPT2Configuration

  /// Creates a layer at the path `name` whose maps are all zero.
  init(name: String, configuration: GPT2Configuration) {
    self.configuration = configuration
    let (hidden, inner) = (configuration.hiddenSize, configuration.intermediateSize)
    func linear(_ path: String, _ inputs: Int, _ outputs: Int) -> LinearLayer {
      LinearLayer(
        name: "\(name).\(path)", inputs: inputs, outputs: outputs, isConvolution: true)
    }
    func norm(_ path: String) -> NormalizationLayer {
      NormalizationLayer(name: "\(name).\(path)", width: hidden, epsilon: configuration.epsilon)
    }
    attentionNorm = norm("ln_1")
    attention = linear("attn.c_attn", hidden, 3 * hidden)
    attentionOutput = linear("attn.c_proj", hidden, hidden)
    innerNorm = norm("ln_2")
    intermediate = linear("mlp.c_fc", hidden, inner)
    output = linear("mlp.c_proj", inner, hidden)
  }

  var linearLayers: [LinearLayer] { [attention, attentionOutput, intermediate, output] }

  var normalizationLayers: [NormalizationLayer] { [attentionNorm, innerNorm] }

  var attentionDropout: Double { configuration.attentionDropout }

  func attentionInput(_ x: Variable, at positions: [Int32], on tape: Tape) -> AttentionInput {
    AttentionInput(
      queriesKeysValues: attention(attentionNorm(x, on: tape), on: tape),
      heads: configuration.headCount)
  }

  func finish(_ x: Variable, context: Variable, on tape: Tape) -> Variable {
    let attended = tape.add(
      x,
      tape.dropout(
        attentionOutput(context, on: tape), probability: configuration.residualDropout))
    let inner = intermediate(
      innerNorm(attended, on: tape), activation: configuration.activation, on: tape)
    return tape.add(
      attended,
      tape.dropout(output(inner, on: tape), probability: configuration.residualDropout))
  }
}
