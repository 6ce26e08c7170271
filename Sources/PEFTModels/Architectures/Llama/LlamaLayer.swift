import PEFTTensor

/// One transformer layer of Llama: RMS norms before the blocks, rotary positions, grouped-query
/// attention, and a gated feed-forward block (SwiGLU, Shazeer 2020).
///
///     n = N₁(x);  a = x + W_o attention(R W_q n, R W_k n, W_v n)
///     m = N₂(a);  y = a + W_d (silu(W_g m) ∘ W_u m)
///
/// In Qwen3, every head of W_q n and of W_k n is normalised before it is rotated (R).
final class LlamaLayer: DecodingLayer {
  /// The norm before attention.
  let attentionNorm: NormalizationLayer
  /// The query projection [H·D, h].
  let query: LinearLayer
  /// The key projection [H_kv·D, h].
  let key: LinearLayer
  /// The value projection [H_kv·D, h].
  let value: LinearLayer
  /// The norm of the heads of queries; nil if there is none.
  let queryNorm: NormalizationLayer?
  /// The norm of the heads of keys; nil if there is none.
  let keyNorm: NormalizationLayer?
  /// The map from the heads back to the residual stream.
  let attentionOutput: LinearLayer
  /// The norm before the feed-forward block.
  let innerNorm: NormalizationLayer
  /// The map that computes the gate, W_g.
  let gate: LinearLayer
  /// The map whose output is gated, W_u.
  let intermediate: LinearLayer
  /// The map out of the feed-forward block, W_d.
  let output: LinearLayer
  private let configuration: LlamaConfiguration
  private let positions: RotaryPositions

  /// Creates a layer at the path `name` whose maps are all zero.
  init(name: String, configuration: LlamaConfiguration, positions: RotaryPositions) {
    self.configuration = configuration
    self.positions = positions
    let (hidden, inner) = (configuration.hiddenSize, configuration.intermediateSize)
    let wide = configuration.headCount * configuration.headWidth
    let shared = configuration.keyValueHeadCount * configuration.headWidth
    func attention(
      _ path: String, _ inputs: Int, _ outputs: Int, hasBias: Bool
    ) -> LinearLayer {
      LinearLayer(
        name: "\(name).self_attn.\(path)", inputs: inputs, outputs: outputs, hasBias: hasBias)
    }
    func headNorm(_ path: String, heads: Int) -> NormalizationLayer? {
      guard configuration.family.normalizesHeads else { return nil }
      return NormalizationLayer(
        rootMeanSquare: "\(name).self_attn.\(path)", width: configuration.headWidth, heads: heads,
        epsilon: configuration.epsilon)
    }
    func feedForward(_ path: String, _ inputs: Int, _ outputs: Int) -> LinearLayer {
      LinearLayer(
        name: "\(name).mlp.\(path)", inputs: inputs, outputs: outputs,
        hasBias: configuration.hasInnerBias)
    }
    func norm(_ path: String) -> NormalizationLayer {
      NormalizationLayer(
        rootMeanSquare: "\(name).\(path)", width: hidden, epsilon: configuration.epsilon)
    }
    attentionNorm = norm("input_layernorm")
    let hasBias = configuration.hasAttentionBias
    query = attention("q_proj", hidden, wide, hasBias: hasBias)
    key = attention("k_proj", hidden, shared, hasBias: hasBias)
    value = attention("v_proj", hidden, shared, hasBias: hasBias)
    queryNorm = headNorm("q_norm", heads: configuration.headCount)
    keyNorm = headNorm("k_norm", heads: configuration.keyValueHeadCount)
    attentionOutput = attention(
      "o_proj", wide, hidden, hasBias: hasBias && configuration.family != .qwen2)
    innerNorm = norm("post_attention_layernorm")
    gate = feedForward("gate_proj", hidden, inner)
    intermediate = feedForward("up_proj", hidden, inner)
    output = feedForward("down_proj", inner, hidden)
  }

  var linearLayers: [LinearLayer] {
    [query, key, value, attentionOutput, gate, intermediate, output]
  }

  var normalizationLayers: [NormalizationLayer] {
    [attentionNorm, queryNorm, keyNorm, innerNorm].compactMap(\.self)
  }

  var attentionDropout: Double { configuration.attentionDropout }

  func attentionInput(_ x: Variable, at places: [Int32], on tape: Tape) -> AttentionInput {
    let normed = attentionNorm(x, on: tape)
    func turned(_ map: LinearLayer, _ norm: NormalizationLayer?) -> Variable {
      let heads = map(normed, on: tape)
      return positions.turned(norm?(heads, on: tape) ?? heads, to: places, on: tape)
    }
    return AttentionInput(
      queries: turned(query, queryNorm), keys: turned(key, keyNorm),
      values: value(normed, on: tape), heads: configuration.headCount,
      keyValueHeads: configuration.keyValueHeadCount)
  }

  func finish(_ x: Variable, context: Variable, on tape: Tape) -> Variable {
    let attended = tape.add(x, attentionOutput(context, on: tape))
    let normed = innerNorm(attended, on: tape)
    let gated = tape.product(
      gate(normed, activation: .silu, on: tape), intermediate(normed, on: tape))
    return tape.add(attended, output(gated, on: tape))
  }
}
