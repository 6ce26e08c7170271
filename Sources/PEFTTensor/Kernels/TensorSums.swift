/// Sums over the parts of a tensor, in Double.
extension Tensor {
  /// Σ x over each part.
  ///
  /// - Shapes: the number of results is the number of parts that `split` makes of the tensor's
  ///   shape.
  public func sums(by split: ElementSplit) -> [Double] {
    sums(by: split) { row, count in
      var sum = 0.0
      for index in 0..<count { sum += Double(row[index]) }
      return sum
    } element: {
      Double($0)
    }
  }

  /// Σ x² over each part.
  ///
  /// - Shapes: the number of results is the number of parts that `split` makes of the tensor's
  ///   shape.
  public func sumsOfSquares(by split: ElementSplit) -> [Double] {
    if split == .whole || shape.rank != 2 { return [sumOfSquares] }
    return sums(by: split) { row, count in
      VectorKernels.active.sumOfSquares(count: count, row)
    } element: {
      Double($0) * Double($0)
    }
  }

  private func sums(
    by split: ElementSplit, row: (UnsafePointer<Float>, Int) -> Double,
    element: (Float) -> Double
  ) -> [Double] {
    let width = shape.rank == 2 ? shape.columns : count
    let height = width == 0 ? 0 : count / width
    var result = [Double](repeating: 0, count: split.sumCount(of: shape))
    withElements(of: self) { elements in
      switch split {
      case .columns where shape.rank == 2:
        for index in 0..<count { result[index % width] += element(elements[index]) }
      case .rows where shape.rank == 2:
        result.withUnsafeMutableBufferPointer { buffer in
          guard let target = buffer.baseAddress else { return }
          WorkerPool.shared.runRanges(height, grain: 64) { range in
            for index in range { target[index] = row(elements + index * width, width) }
          }
        }
      default: result[0] = (0..<height).reduce(0) { $0 + row(elements + $1 * width, width) }
      }
    }
    return result
  }
}
