extension Tensor {
  /// The leading singular vectors of a matrix A [m, n], found in a random subspace that is turned
  /// towards them (Halko, Martinsson and Tropp 2011, algorithm 4.4).
  ///
  /// The alternative, a whole decomposition, takes time with m n min(m, n); this takes
  /// m n (rank + 8) in each of 9 products.
  ///
  /// - Parameters:
  ///   - rank: R, from 1 to min(m, n).
  ///   - generator: the generator of the subspace.
  /// - Returns: `left` [R, m] and `right` [R, n], whose rows are orthonormal and ordered by
  ///   singular values, descending; nil if an element of A is not finite. If the rank of A is below
  ///   R, the other vectors complete the bases.
  /// - Accuracy: orthonormal to Float32. A vector is exact up to the seventh power of the ratio of
  ///   the first singular value outside the subspace to its own. The products are in Float32,
  ///   orthogonalisation and the small decomposition in Double. The result does not depend on the
  ///   number of workers.
  package func leadingSingularVectors(
    _ rank: Int, using generator: SeededGenerator
  ) -> (left: Tensor, right: Tensor)? {
    let (rows, columns) = (shape.rows, shape.columns)
    precondition(
      shape.rank == 2 && (1...min(rows, columns)).contains(rank),
      "leadingSingularVectors: \(rank) of \(shape)")
    guard isFinite else { return nil }
    let width = min(rank + Self.additionalDirections, rows, columns)
    var draws = generator
    var right = Tensor(normal: [width, columns], standardDeviation: 1, using: &draws)
    var left = Tensor(zeros: [width, rows])
    for _ in 0...Self.powerIterations {
      guard let basis = MatrixProduct.forward(right, weight: self).orthonormalRows else {
        return nil
      }
      left = basis
      right = MatrixProduct.inputGradient(left, weight: self)
      guard let next = right.orthonormalRows else { return nil }
      right = next
    }
    // A restricted to both subspaces: C [width, width] = L A Rᵀ.
    let core = MatrixProduct.forward(
      MatrixProduct.inputGradient(left, weight: self), weight: right)
    guard let (u, vt) = core.singularVectors else { return nil }
    return (
      MatrixProduct.inputGradient(u.transposed.rows(0..<rank), weight: left),
      MatrixProduct.inputGradient(vt.rows(0..<rank), weight: right)
    )
  }

  /// Orthonormal rows that span the rows of a matrix [r, n], r ≤ n; nil if an element is not
  /// finite.
  package var orthonormalRows: Tensor? {
    precondition(
      shape.rank == 2 && shape.rows <= shape.columns, "orthonormalRows: \(shape)")
    var numbers = elements.map(Double.init)
    let isDone = numbers.withUnsafeMutableBufferPointer { buffer in
      buffer.baseAddress.map {
        BLAS.orthonormalize(rows: shape.rows, columns: shape.columns, $0)
      } ?? true
    }
    return isDone ? Tensor(numbers.map { Float($0) }, shape: shape) : nil
  }

  /// U and Vᵀ of a small square matrix.
  private var singularVectors: (u: Tensor, vt: Tensor)? {
    let order = shape.rows
    var (a, u, values, vt) = (
      elements.map(Double.init), [Double](repeating: 0, count: order * order),
      [Double](repeating: 0, count: order), [Double](repeating: 0, count: order * order)
    )
    guard BLAS.singularValues(rows: order, columns: order, &a, u: &u, values: &values, vt: &vt)
    else { return nil }
    return (Tensor(u.map { Float($0) }, shape: shape), Tensor(vt.map { Float($0) }, shape: shape))
  }

  /// The number of directions of the subspace beyond the rank.
  private static let additionalDirections = 8
  /// The number of times that the subspace is turned after the first.
  private static let powerIterations = 3
}
