import PEFTTensor

/// The input of causal attention: the queries, keys and values of T tokens, in separate tensors or
/// side by side.
public struct AttentionInput {
  private enum Form {
    case apart(queries: Variable, keys: Variable, values: Variable)
    case joint(Variable)
  }

  private let form: Form
  private let heads: Int
  private let keyValueHeads: Int

  /// Creates an input from queries [T, H·D] and keys and values [T, H_kv·D]. Rotary positions must
  /// already be applied.
  public init(
    queries: Variable, keys: Variable, values: Variable, heads: Int, keyValueHeads: Int
  ) {
    form = .apart(queries: queries, keys: keys, values: values)
    self.heads = heads
    self.keyValueHeads = keyValueHeads
  }

  /// Creates an input from queries, keys and values in one tensor [T, 3·H·D].
  public init(queriesKeysValues x: Variable, heads: Int) {
    form = .joint(x)
    self.heads = heads
    keyValueHeads = heads
  }

  /// Self-attention of every sequence, [T, H·D].
  public func attention(dropout probability: Double = 0, on tape: Tape) -> Variable {
    switch form {
    case .apart(let queries, let keys, let values):
      tape.attention(
        queries: queries, keys: keys, values: values, heads: heads, keyValueHeads: keyValueHeads,
        isCausal: true, dropout: probability)
    case .joint(let x):
      tape.attention(
        queriesKeysValues: x, heads: heads, isCausal: true, dropout: probability)
    }
  }

  /// Attention of each token to the tokens in its list of slots, [T, H·D].
  func attention(to slots: [[Int32]], in cache: KeyValueCache) -> Variable {
    let queries =
      switch form {
      case .apart(let queries, _, _): queries
      case .joint(let x): x
      }
    return Variable(
      constant: cache.attention(queries.value, to: slots), partition: queries.partition)
  }

  /// Appends the keys and values to a cache.
  func append(to cache: inout KeyValueCache) {
    switch form {
    case .apart(_, let keys, let values): cache.append(keys: keys.value, values: values.value)
    case .joint(let x): cache.append(x.value)
    }
  }
}
