import PEFTNetwork
import PEFTTensor

/// A backbone whose tokens see only those before them, so that it can go on where it stopped.
///
/// What a layer has seen of each token stays in a cache. A new token then costs one token's work.
public protocol DecodingBackbone: Backbone where Layer: DecodingLayer {
  /// The input of the first layer, [T, h], from T tokens and their positions in their sequences.
  func embed(
    _ tokens: [Int32], at positions: [Int32], of partition: RowPartition, on tape: Tape
  ) -> Variable
}

/// A layer of a backbone that decodes: attention, and what follows.
public protocol DecodingLayer: TransformerLayer {
  /// Dropout of attention probabilities.
  var attentionDropout: Double { get }

  /// What attention reads of x [T, h], the layer's input.
  func attentionInput(_ x: Variable, at positions: [Int32], on tape: Tape) -> AttentionInput

  /// The layer's output [T, h], from its input x [T, h] and what the heads have gathered, [T, H·D].
  func finish(_ x: Variable, context: Variable, on tape: Tape) -> Variable
}

extension DecodingLayer {
  /// x [T, h] → [T, h].
  public func callAsFunction(_ x: Variable, on tape: Tape) -> Variable {
    let input = attentionInput(x, at: x.partition.positions, on: tape)
    return finish(x, context: input.attention(dropout: attentionDropout, on: tape), on: tape)
  }
}

extension DecodingBackbone {
  /// The input of the first layer, [T, h].
  public func embed(_ batch: PackedBatch, on tape: Tape) -> Variable {
    embed(batch.ids, at: batch.partition.positions, of: batch.partition, on: tape)
  }

  /// What an output reads of new tokens, [T, h], whose keys and values go to the caches, one cache
  /// for each layer.
  ///
  /// - Parameters:
  ///   - slots: the slots that each token sees, its own included; nil where the examples of
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
