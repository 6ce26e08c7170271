/// The gradient of a table [V, n], stored only for the rows that were read instead of for all V
/// rows, most of which would be zero.
struct TableGradient {
  /// The rows that were read, ascending, without duplicates.
  let rows: [Int32]
  /// The gradients of these rows [R, n].
  let values: Tensor
  /// The number of lookups whose gradients were added, T.
  let lookupCount: Int

  /// Row `rows[t]` receives the sum of the δ_t of `upstream` [T, n], added in the order of t.
  ///
  /// - Parameter earlier: the sum to which they are added, as if its lookups came before these.
  init(_ upstream: Tensor, rows read: [Int32], addingTo earlier: TableGradient? = nil) {
    rows = Set(read).union(earlier?.rows ?? []).sorted()
    let places = Dictionary(
      uniqueKeysWithValues: rows.enumerated().map { ($1, Int32($0)) })
    var sums = Tensor(zeros: [rows.count, upstream.shape.columns])
    if let earlier {
      sums.scatterAdd(earlier.values, rows: earlier.rows.map { places[$0] ?? 0 })
    }
    sums.scatterAdd(upstream, rows: read.map { places[$0] ?? 0 })
    values = sums
    lookupCount = read.count + (earlier?.lookupCount ?? 0)
  }

  /// The elements at the given ascending, row-major positions of the table: [|positions|].
  func elements(at positions: [Int]) -> Tensor {
    let width = values.shape.columns
    return Tensor(writing: [positions.count]) { target in
      withElements(of: values) { source in
        var next = 0
        for (place, position) in positions.enumerated() {
          let row = position / width
          while next < rows.count, Int(rows[next]) < row { next += 1 }
          let isRead = next < rows.count && Int(rows[next]) == row
          target[place] = isRead ? source[next * width + position % width] : 0
        }
      }
    }
  }

  /// The gradient as a tensor of the table's shape.
  func dense(_ shape: Shape) -> Tensor {
    var result = Tensor(zeros: shape)
    result.scatterAdd(values, rows: rows)
    return result
  }
}
