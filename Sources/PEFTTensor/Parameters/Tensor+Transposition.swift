extension Tensor {
  /// The transpose of a matrix [m, n]: a copy [n, m].
  package var transposed: Tensor {
    precondition(shape.rank == 2, "transposed: \(shape) is no matrix")
    let (rows, columns) = (shape[0], shape[1])
    let side = 32  // a block of both matrices fits in the first-level cache
    return Tensor(writing: [columns, rows]) { target in
      withElements(of: self) { source in
        WorkerPool.shared.runRanges(columns, grain: side) { range in
          for first in stride(from: 0, to: rows, by: side) {
            for column in range {
              for row in first..<min(rows, first + side) {
                target[column * rows + row] = source[row * columns + column]
              }
            }
          }
        }
      }
    }
  }
}

extension Parameter {
  /// The shape of the whole value as files store it.
  package var fileShape: Shape { isTransposedInFiles ? [shape[1], shape[0]] : shape }

  /// The whole value as files store it.
  package var fileValue: Tensor {
    get { isTransposedInFiles ? value.transposed : value }
    set { value = isTransposedInFiles ? newValue.transposed : newValue }
  }
}
