/// The gradient of a table [V, n] of which some rows were read: theirs, in place
/// of V rows mostly zero.
struct RowGradient {
  /// The rows that were read, ascending, each once.
  let rows: [Int32]
  /// Their gradients [R, n].
  let values: Tensor

  /// Row `rows[t]` gets the sum of the δ_t of `upstream` [T, n], in the order of t.
  init(_ upstream: Tensor, rows read: [Int32]) {
    rows = Array(Set(read)).sorted()
    let places = Dictionary(
      uniqueKeysWithValues: rows.enumerated().map { ($1, Int32($0)) })
    var sums = Tensor(zeros: [rows.count, upstream.shape.columns])
    sums.scatterAdd(upstream, rows: read.map { places[$0] ?? 0 })
    values = sums
  }

  /// The same as a tensor of the table's shape.
  func dense(_ shape: Shape) -> Tensor {
    var result = Tensor(zeros: shape)
    result.scatterAdd(values, rows: rows)
    return result
  }
}
