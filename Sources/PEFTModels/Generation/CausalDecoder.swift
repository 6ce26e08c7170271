import PEFTNetwork
import PEFTTensor

/// GPT-2 at work on sequences that grow: it keeps what its layers have seen of each token, so that
/// a new token costs one token's work.
struct CausalDecoder {
  /// A sequence: the slots of its tokens in the caches, in order. Sequences may share slots.
  struct Sequence {
    var slots: [Int32] = []

    /// The number of its tokens.
    var length: Int { slots.count }
  }

  private let model: TransformerModel
  private let gpt2: GPT2
  private let map: VocabularyMap
  private var caches: [KeyValueCache]

  /// A decoder of a causal language model; nil for any other model.
  init?(_ model: TransformerModel) {
    guard let gpt2 = model.backbone as? GPT2, let map = model.vocabulary else { return nil }
    self.model = model
    self.gpt2 = gpt2
    self.map = map
    let configuration = gpt2.configuration
    caches = gpt2.layers.map { _ in
      KeyValueCache(width: configuration.hiddenSize, heads: configuration.headCount)
    }
  }

  /// Reads whole texts, none of them empty or longer than the context.
  ///
  /// - Returns: the sequences, and the logits [S, V] after the last token of each.
  mutating func read(_ texts: [[Int32]]) -> (sequences: [Sequence], logits: Tensor) {
    let tape = Tape()
    let batch = PackedBatch(sequences: texts)
    let first = Int32(caches.first?.count ?? 0)
    var x = gpt2.embed(batch, on: tape)
    for (index, layer) in gpt2.layers.enumerated() {
      let joint = layer.attention(layer.attentionNorm(x, on: tape), on: tape)
      caches[index].append(joint.value)
      let context = tape.attention(
        queriesKeysValues: joint, heads: gpt2.configuration.headCount, isCausal: true)
      x = layer.finish(x, context: context, on: tape)
    }
    let last = (0..<texts.count).map { batch.partition[$0].upperBound - 1 }
    let sequences = (0..<texts.count).map { text in
      Sequence(slots: batch.partition[text].map { first + Int32($0) })
    }
    return (sequences, logits(of: tape.rows(x, at: last), on: tape))
  }

  /// Appends one token to each sequence, which must have room for it.
  ///
  /// - Returns: the logits [S, V] after it.
  mutating func append(_ tokens: [Int32], to sequences: inout [Sequence]) -> Tensor {
    let tape = Tape()
    let partition = RowPartition(examples: tokens.count)
    let first = Int32(caches.first?.count ?? 0)
    var x = tape.embeddingSum(
      [
        (gpt2.wordTable, tokens), (gpt2.positionTable, sequences.map { Int32($0.length) }),
      ], partition: partition)
    for index in sequences.indices { sequences[index].slots.append(first + Int32(index)) }
    let slots = sequences.map(\.slots)
    for (index, layer) in gpt2.layers.enumerated() {
      let joint = layer.attention(layer.attentionNorm(x, on: tape), on: tape)
      caches[index].append(joint.value)
      let context = Variable(
        constant: caches[index].attention(joint.value, to: slots), partition: partition)
      x = layer.finish(x, context: context, on: tape)
    }
    return logits(of: x, on: tape)
  }

  private func logits(of x: Variable, on tape: Tape) -> Tensor {
    tape.linear(gpt2.finish(x, on: tape), weight: map.table, bias: map.bias).value
  }
}
