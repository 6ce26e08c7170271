import PEFTNetwork
import PEFTTensor

/// Runs a causal model on growing sequences. It caches what the layers have computed for each
/// token, so a new token costs the work of one token.
struct CausalDecoder {
  /// A sequence, as the cache slots of its tokens in order. Sequences may share slots.
  struct Sequence {
    var slots: [Int32] = []

    /// The number of tokens.
    var length: Int { slots.count }
  }

  private let backbone: any DecodingBackbone
  private let map: VocabularyMap
  private var caches: [KeyValueCache]

  /// Creates a decoder of a causal language model; nil for any other model.
  init?(_ model: TransformerModel) {
    guard let backbone = model.backbone as? any DecodingBackbone, let map = model.vocabulary else {
      return nil
    }
    self.backbone = backbone
    self.map = map
    let sizes = model.configuration.architecture.sizes
    caches = (0..<sizes.layers).map { _ in
      KeyValueCache(
        width: sizes.heads * sizes.headWidth, heads: sizes.heads,
        keyValueHeads: sizes.keyValueHeads)
    }
  }

  /// Reads whole texts, which must be neither empty nor longer than the context.
  ///
  /// - Returns: the sequences, and the logits [S, V] after the last token of each.
  mutating func read(_ texts: [[Int32]]) -> (sequences: [Sequence], logits: Tensor) {
    let tape = Tape()
    let batch = PackedBatch(sequences: texts)
    let partition = batch.partition
    let first = Int32(caches.first?.count ?? 0)
    let x = backbone.extend(
      batch.ids, at: partition.positions, of: partition, &caches, on: tape)
    let last = (0..<texts.count).map { partition[$0].upperBound - 1 }
    let sequences = (0..<texts.count).map { text in
      Sequence(slots: partition[text].map { first + Int32($0) })
    }
    return (sequences, logits(of: tape.rows(x, at: last), on: tape))
  }

  /// Appends one token to each sequence, which must have room for it.
  ///
  /// - Returns: the logits [S, V] after the new tokens.
  mutating func append(_ tokens: [Int32], to sequences: inout [Sequence]) -> Tensor {
    let tape = Tape()
    let first = Int32(caches.first?.count ?? 0)
    let positions = sequences.map { Int32($0.length) }
    for index in sequences.indices { sequences[index].slots.append(first + Int32(index)) }
    let x = backbone.extend(
      tokens, at: positions, of: RowPartition(examples: tokens.count),
      seeing: sequences.map(\.slots), &caches, on: tape)
    return logits(of: x, on: tape)
  }

  private func logits(of x: Variable, on tape: Tape) -> Tensor {
    tape.linear(x, weight: map.table, bias: map.bias).value
  }
}
