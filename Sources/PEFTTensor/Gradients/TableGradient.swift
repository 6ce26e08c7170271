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

  private init(rows: [Int32], values: Tensor, lookupCount: Int) {
    (self.rows, self.values, self.lookupCount) = (rows, values, lookupCount)
  }

  /// The sum of this gradient and another of the same table.
  func adding(_ other: TableGradient) -> TableGradient {
    let sum = TableGradient(other.values, rows: other.rows, addingTo: self)
    return TableGradient(
      rows: sum.rows, values: sum.values, lookupCount: lookupCount + other.lookupCount)
  }

  /// Copies the elements `range` of the table, in row-major order, to `target`; those of rows that
  /// were not read are 0.
  func copy(_ range: Range<Int>, to target: UnsafeMutablePointer<Float>) {
    target.update(repeating: 0, count: range.count)
    let width = values.shape.columns
    withElements(of: values) { source in
      for (place, row) in rows.enumerated() {
        let start = Int(row) * width
        let part = range.clamped(to: start..<start + width)
        guard !part.isEmpty else { continue }
        (target + part.lowerBound - range.lowerBound).update(
          from: source + place * width + part.lowerBound - start, count: part.count)
      }
    }
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
