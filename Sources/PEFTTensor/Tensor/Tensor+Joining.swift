extension Tensor {
  /// The rows of this matrix [m, n], followed by those of `other` [k, n]: [m + k, n], a copy.
  package func above(_ other: Tensor) -> Tensor {
    precondition(
      shape.rank == 2 && other.shape.rank == 2 && shape.columns == other.shape.columns,
      "above: \(shape) and \(other.shape)")
    return Tensor(writing: [shape.rows + other.shape.rows, shape.columns]) { target in
      withElements(of: self, other) { first, second in
        target.update(from: first, count: count)
        (target + count).update(from: second, count: other.count)
      }
    }
  }

  /// The first columns of a matrix: itself if these are all, otherwise a copy [m, columns].
  package func firstColumns(_ columns: Int) -> Tensor {
    let (rows, width) = (shape.rows, shape.columns)
    precondition(columns <= width, "firstColumns: \(columns) of \(shape)")
    guard columns < width else { return self }
    return Tensor(writing: [rows, columns]) { target in
      withElements(of: self) { source in
        for row in 0..<rows {
          (target + row * columns).update(from: source + row * width, count: columns)
        }
      }
    }
  }
}
