import PEFTNetwork
import PEFTTensor

/// A backbone with causal attention, which can therefore continue a sequence where it stopped.
///
/// A cache keeps what each layer has computed for every token, so a new token costs the work of one
/// token.
public protocol DecodingBackbone: Backbone where Layer: DecodingLayer {
  /// Computes the input of the first layer, [T, h], from T tokens and their positions in their
  /// sequences.
  func embed(
    _ tokens: [Int32], at positions: [Int32], of partition: RowPartition, on tape: Tape
  ) -> Variable
}

/// A layer of a decoding backbone, divided into the input of attention and everything after it.
public protocol DecodingLayer: TransformerLayer {
  /// The dropout probability of attention probabilities.
  var attentionDropout: Double { get }

  /// Computes the input of attention from x [T, h], the layer's input.
  func attentionInput(_ x: Variable, at positions: [Int32], on tape: Tape) -> AttentionInput

  /// Computes the layer's output [T, h] from its input x [T, h] and the output of the heads,
  /// [T, H·D].
  func finish(_ x: Variable, context: Variable, on tape: Tape) -> Variable
}

extension DecodingLayer {
  /// Computes the layer, [T, h] → [T, h].
  public func callAsFunction(_ x: Variable, on tape: Tape) -> Variable {
    let input = attentionInput(x, at: x.partition.positions, on: tape)
    return finish(x, context: input.attention(dropout: attentionDropout, on: tape), on: tape)
  }
}

extension DecodingBackbone {
  /// Computes the input of the first layer, [T, h].
  public func embed(_ batch: PackedBatch, on tape: Tape) -> Variable {
    embed(batch.ids, at: batch.partition.positions, of: batch.partition, on: tape)
  }

  /// Computes the input of the head for new tokens, [T, h], and appends their keys and values to
  /// the caches, one for each layer.
  ///
  /// - Parameters:
  ///   - slots: the slots that each token attends to, including its own; nil if the examples of
  ///     `partition` are whole sequences.
  public func extend(
    _ tokens: [Int32], at positions: [Int32], of partition: RowPartition,
    seeing slots: [[Int32]]? = nil, _ caches: inout [KeyValueCache], on tape: Tape
  ) -> Variable {
    var x = embed(tokens, at: positions, of: partition, on: tape)
    for (index, layer) in layers.enumerated() {
      let input = layer.attentionInput(x, at: positions, on: tape)
      input.append(to: &caches[index])
      let context =
        slots.map { input.attention(to: $0, in: caches[index]) } ?? input.attention(on: tape)
      x = layer.finish(x, context: context, on: tape)
    }
    return finish(x, on: tape)
  }
}
