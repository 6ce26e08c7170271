import PEFTTensor

/// One transformer layer of ModernBERT: layer norms before the blocks, rotary positions, attention
/// to all tokens or to near ones, and a gated feed-forward block (GeGLU, Shazeer 2020).
///
///     n = N₁(x);  q, k, v = W_qkv n;  a = x + W_o attention(R q, R k, v)
///     m = N₂(a);  g, u = W_i m;       y = a + W_d (gelu(g) ∘ u)
///
/// R rotates every head by the token's position. The first layer has no N₁, because a norm follows
/// the embeddings.
final class ModernBERTLayer: TransformerLayer {
  /// The norm before attention; nil in the first layer.
  let attentionNorm: NormalizationLayer?
  /// The map to queries, keys and values [3·h, h].
  let queriesKeysValues: LinearLayer
  /// The map from the heads back to the residual stream.
  let attentionOutput: LinearLayer
  /// The norm before the feed-forward block.
  let innerNorm: NormalizationLayer
  /// The map to gates and gated columns [2·f, h].
  let intermediate: LinearLayer
  /// The map out of the feed-forward block.
  let output: LinearLayer
  private let configuration: ModernBERTConfiguration
  private let window: Int?
  private let positions: RotaryPositions

  /// Creates a layer at the path `name` whose maps are all zero.
  ///
  /// - Parameter window: the largest distance of tokens that attend to each other; nil for any.
  init(
    name: String, configuration: ModernBERTConfiguration, isFirst: Bool, window: Int?,
    positions: RotaryPositions
  ) {
    self.configuration = configuration
    self.window = window
    self.positions = positions
    let (hidden, inner) = (configuration.hiddenSize, configuration.intermediateSize)
    func attention(_ path: String, _ outputs: Int) -> LinearLayer {
      LinearLayer(
        name: "\(name).attn.\(path)", inputs: hidden, outputs: outputs,
        hasBias: configuration.hasAttentionBias)
    }
    func feedForward(_ path: String, _ inputs: Int, _ outputs: Int) -> LinearLayer {
      LinearLayer(
        name: "\(name).mlp.\(path)", inputs: inputs, outputs: outputs,
        hasBias: configuration.hasInnerBias)
    }
    attentionNorm = isFirst ? nil : configuration.norm(name + ".attn_norm")
    queriesKeysValues = attention("Wqkv", 3 * hidden)
    attentionOutput = attention("Wo", hidden)
    innerNorm = configuration.norm(name + ".mlp_norm")
    intermediate = feedForward("Wi", hidden, 2 * inner)
    output = feedForward("Wo", inner, hidden)
  }

  var linearLayers: [LinearLayer] { [queriesKeysValues, attentionOutput, intermediate, output] }

  var normalizationLayers: [NormalizationLayer] {
    [attentionNorm, innerNorm].compactMap(\.self)
  }

  /// Computes the layer, [T, h] → [T, h].
  func callAsFunction(_ x: Variable, on tape: Tape) -> Variable {
    let joint = queriesKeysValues(attentionNorm?(x, on: tape) ?? x, on: tape)
    let (width, places) = (configuration.hiddenSize, x.partition.positions)
    func part(_ index: Int) -> Variable {
      tape.columns(joint, index * width..<(index + 1) * width)
    }
    let context = tape.attention(
      queries: positions.turned(part(0), to: places, on: tape),
      keys: positions.turned(part(1), to: places, on: tape), values: part(2),
      heads: configuration.headCount, window: window, dropout: configuration.attentionDropout)
    let attended = tape.add(
      x,
      tape.dropout(
        attentionOutput(context, on: tape), probability: configuration.attentionDropout))
    let both = intermediate(innerNorm(attended, on: tape), on: tape)
    let inner = configuration.intermediateSize
    let gated = tape.product(
      tape.activation(tape.columns(both, 0..<inner), configuration.activation),
      tape.columns(both, inner..<2 * inner))
    return tape.add(
      attended,
      output(tape.dropout(gated, probability: configuration.innerDropout), on: tape))
  }
}
