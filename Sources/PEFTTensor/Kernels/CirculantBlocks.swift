/// Matrices of circulant blocks: of kernels w [m, n, b], D [m b, n b] with
///
///     D_{i b + t, k b + j} = w_{i, k, (j − t) mod b}
package enum CirculantBlocks {
  /// D.
  package static func matrix(_ kernels: Tensor) -> Tensor {
    let (rows, columns, size) = extents(kernels.shape)
    return Tensor(writing: [rows * size, columns * size]) { target in
      withElements(of: kernels) { kernels in
        for row in 0..<rows * size {
          for block in 0..<columns {
            let kernel = kernels + (row / size * columns + block) * size
            let place = target + row * columns * size + block * size
            let shift = row % size
            // Column t has w_0.
            (place + shift).update(from: kernel, count: size - shift)
            place.update(from: kernel + size - shift, count: shift)
          }
        }
      }
    }
  }

  /// The kernels [m, n, b] whose elements are the sums of those of a matrix [m b, n b] where D has
  /// them.
  ///
  /// - Accuracy: sums of b numbers in Double.
  package static func folded(_ matrix: Tensor, to shape: Shape) -> Tensor {
    let (rows, columns, size) = extents(shape)
    precondition(
      matrix.shape == [rows * size, columns * size], "folded: \(matrix.shape) to \(shape)")
    var sums = [Double](repeating: 0, count: shape.count)
    withElements(of: matrix) { elements in
      for row in 0..<rows * size {
        for block in 0..<columns {
          let (place, kernel) = (
            elements + row * columns * size + block * size, (row / size * columns + block) * size
          )
          let shift = row % size
          for column in 0..<size {
            sums[kernel + (column >= shift ? column - shift : column - shift + size)] +=
              Double(place[column])
          }
        }
      }
    }
    return Tensor(sums.map { Float($0) }, shape: shape)
  }

  private static func extents(_ shape: Shape) -> (rows: Int, columns: Int, size: Int) {
    precondition(shape.rank == 3, "circulant blocks: kernels \(shape)")
    return (shape[0], shape[1], shape[2])
  }
}
