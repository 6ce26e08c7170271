/// The row of a table of position biases for every distance between two tokens.
struct DistanceLookup {
  /// L, the length of the longest sequence.
  let longest: Int
  /// The row of distance d at L − 1 + d, 2L − 1 numbers.
  let rows: [Int32]

  init(longest: Int, row: (Int) -> Int) {
    self.longest = longest
    rows = (1 - longest..<longest).map { Int32(row($0)) }
  }

  /// factor · table [K, H] by head and distance, [H, 2L − 1].
  func biases(of table: Tensor, times factor: Float) -> Tensor {
    let (heads, count) = (table.shape.columns, rows.count)
    precondition(
      rows.allSatisfy { $0 >= 0 && Int($0) < table.shape.rows },
      "attention: a row outside the position biases \(table.shape)")
    return Tensor(writing: [heads, count]) { biases in
      withElements(of: table) { table in
        for (distance, row) in rows.enumerated() {
          for head in 0..<heads {
            biases[head * count + distance] = factor * table[Int(row) * heads + head]
          }
        }
      }
    }
  }

  /// Writes the sums over the distances of each row, times `factor`, to every `stride`-th element
  /// of `target`, one for each of `rowCount` rows.
  ///
  /// - Parameter sums: one number for each distance in a sequence of `length` tokens, 2 · `length`
  ///   − 1 in all.
  func collect(
    _ sums: UnsafePointer<Float>, length: Int, times factor: Float, rowCount: Int,
    into target: UnsafeMutablePointer<Float>, stride: Int
  ) {
    withUnsafeTemporaryAllocation(of: Double.self, capacity: rowCount) { totals in
      totals.initialize(repeating: 0)
      let first = longest - length
      for distance in 0..<max(0, 2 * length - 1) {
        totals[Int(rows[first + distance])] += Double(sums[distance])
      }
      for row in 0..<rowCount { target[row * stride] = factor * Float(totals[row]) }
    }
  }
}

/// Numbers that are added to the scores of attention before the scale, by head and distance.
struct DistanceBiases {
  /// [H, 2L − 1].
  let start: UnsafePointer<Float>
  /// L, the length of the longest sequence.
  let longest: Int
  /// K.
  let rowCount: Int

  /// The biases of query `row` for keys 0, 1, … of its sequence.
  func forKeys(head: Int, row: Int) -> UnsafePointer<Float> {
    start + head * (2 * longest - 1) + longest - 1 - row
  }
}
