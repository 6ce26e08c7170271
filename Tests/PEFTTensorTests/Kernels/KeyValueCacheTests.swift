import PEFTTensor
import Testing

/// Compares the cache with causal attention over whole sequences.
@Suite("Key–value cache")
struct KeyValueCacheTests {
  private static let (heads, depth) = (6, 4)

  /// Queries, keys and values of T tokens.
  private func inputs(_ tokens: Int, keyValueHeads: Int) -> [Tensor] {
    zip(["q", "k", "v"], [Self.heads, keyValueHeads, keyValueHeads]).map {
      OperationProblem.normal([tokens, $1 * Self.depth], $0)
    }
  }

  private func attended(_ inputs: [Tensor], keyValueHeads: Int, lengths: [Int]) -> DoubleMatrix {
    let variables = inputs.map {
      Variable(constant: $0, partition: RowPartition(lengths: lengths))
    }
    return DoubleMatrix(
      Tape().attention(
        queries: variables[0], keys: variables[1], values: variables[2], heads: Self.heads,
        keyValueHeads: keyValueHeads, isCausal: true
      ).value)
  }

  /// Some rows, in any order.
  private func chosen(_ rows: [Int], of x: Tensor) -> Tensor {
    Tensor(
      rows.flatMap { x.rows($0..<$0 + 1).elements }, shape: [rows.count, x.shape.columns])
  }

  /// The rows of the given tensors side by side.
  private func joined(_ parts: [Tensor]) -> Tensor {
    let elements = (0..<parts[0].shape.rows).flatMap { row in
      parts.flatMap { $0.rows(row..<row + 1).elements }
    }
    return Tensor(
      elements, shape: [parts[0].shape.rows, parts.reduce(0) { $0 + $1.shape.columns }])
  }

  @Test("token by token, it equals causal attention", arguments: [1, 2, 3, 6], [false, true])
  func tokenByToken(keyValueHeads: Int, isJoint: Bool) {
    let inputs = inputs(9, keyValueHeads: keyValueHeads)
    let expected = attended(inputs, keyValueHeads: keyValueHeads, lengths: [9])
    var cache = KeyValueCache(
      width: Self.heads * Self.depth, heads: Self.heads, keyValueHeads: keyValueHeads)
    for token in 0..<9 {
      let parts = inputs.map { $0.rows(token..<token + 1) }
      let slots = [(0...Int32(token)).map { $0 }]
      let context: Tensor
      if isJoint {
        cache.append(joined(parts))
        context = cache.attention(joined(parts), to: slots)
      } else {
        cache.append(keys: parts[1], values: parts[2])
        context = cache.attention(parts[0], to: slots)
      }
      #expect(cache.count == token + 1)
      let row = DoubleMatrix(rows: 1, columns: expected.columns) { expected[token, $1] }
      // Sums of four and of nine products of numbers near 1.
      #expect(relativeError(of: context, to: row) < 1e-6, "token \(token)")
    }
  }

  @Test("sequences that share slots see only their own tokens", arguments: [2, 6])
  func sharedSlots(keyValueHeads: Int) {
    let inputs = inputs(5, keyValueHeads: keyValueHeads)
    var cache = KeyValueCache(
      width: Self.heads * Self.depth, heads: Self.heads, keyValueHeads: keyValueHeads)
    cache.append(keys: inputs[1], values: inputs[2])
    // Tokens 0, 1, 2 and tokens 0, 1, 3, 4.
    let rows = [[0, 1, 2], [0, 1, 3, 4]]
    let queries = chosen(rows.map { $0[$0.count - 1] }, of: inputs[0])
    let context = cache.attention(queries, to: rows.map { $0.map(Int32.init) })
    for (index, sequence) in rows.enumerated() {
      let expected = attended(
        inputs.map { chosen(sequence, of: $0) }, keyValueHeads: keyValueHeads,
        lengths: [sequence.count])
      let row = DoubleMatrix(rows: 1, columns: expected.columns) {
        expected[sequence.count - 1, $1]
      }
      #expect(relativeError(of: context.rows(index..<index + 1), to: row) < 1e-6, "\(sequence)")
    }
  }
}
