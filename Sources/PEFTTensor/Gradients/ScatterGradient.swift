/// The gradient of a table [V, n]: δ_t is added to row `rows[t]`, with δ [T, n].
public struct ScatterGradient: ParameterGradient {
  /// δ.
  public let upstream: Tensor
  /// The table row to which each row of δ belongs, T numbers.
  public let rows: [Int32]

  /// Adds δ to the rows that were read; the other rows are zero.
  public func accumulate(into sum: inout Tensor, adding: Bool, precision: Precision) {
    if !adding { sum.fill(0) }
    sum.scatterAdd(upstream, rows: rows)
  }

  /// A copy of the rows of δ that belong to the given rows of the table.
  public func restricted(to chosen: [Int]) -> any ParameterGradient {
    let hits = rows.enumerated().compactMap { token, target in
      chosen.ascendingIndex(of: Int(target)).map { (token: token, row: Int32($0)) }
    }
    return .scatter(upstream: upstream.rows(at: hits.map(\.token)), rows: hits.map(\.row))
  }

  /// Σ_{t∈i} δ_t · V[row_t], by example, or by example and row or column of the table.
  public func contracted(
    with direction: Tensor, image: Tensor?, partition: RowPartition, by split: ElementSplit
  ) -> [Double] {
    let width = direction.shape.columns
    let count = split.sumCount(of: direction.shape)
    var result = [Double](repeating: 0, count: partition.exampleCount * count)
    result.withUnsafeMutableBufferPointer { buffer in
      guard let sums = buffer.baseAddress else { return }
      withElements(of: upstream, direction) { upstream, direction in
        WorkerPool.shared.run(partition.exampleCount) { example in
          for token in partition[example] {
            let row = Int(rows[token])
            let (cotangent, vector) = (upstream + token * width, direction + row * width)
            if split == .columns {
              for column in 0..<width {
                sums[example * count + column] += Double(cotangent[column] * vector[column])
              }
            } else {
              sums[example * count + (split == .rows ? row : 0)] +=
                VectorKernels.active.dot(count: width, cotangent, vector)
            }
          }
        }
      }
    }
    return result
  }

  /// δ and the table row of each of its rows.
  public var scattered: (values: Tensor, rows: [Int32])? { (upstream, rows) }
}

extension ParameterGradient where Self == ScatterGradient {
  /// A gradient that adds δ_t to row `rows[t]`.
  public static func scatter(upstream: Tensor, rows: [Int32]) -> Self {
    ScatterGradient(upstream: upstream, rows: rows)
  }
}

extension [Int] {
  /// The position of `element` in an ascending array. O(log count).
  fileprivate func ascendingIndex(of element: Int) -> Int? {
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if self[middle] < element { low = middle + 1 } else { high = middle }
    }
    return low < count && self[low] == element ? low : nil
  }
}
