/// Linear algebra on small row-major matrices in Double.
public enum LinearAlgebra {
  /// The x [columns] that minimises ‖A x − b‖₂, by QR, for A [rows, columns] of full rank with at
  /// least as many rows as columns.
  ///
  /// - Returns: nil if A is rank-deficient, to rounding, or anything is not finite.
  public static func leastSquares(
    matrix: [Double], rows: Int, columns: Int, rightHandSide: [Double]
  ) -> [Double]? {
    precondition(
      matrix.count == rows * columns && rightHandSide.count == rows && rows >= columns
        && columns > 0,
      "leastSquares: \(matrix.count) numbers for [\(rows), \(columns)], \(rightHandSide.count) for b"
    )
    guard matrix.allSatisfy(\.isFinite), rightHandSide.allSatisfy(\.isFinite) else { return nil }
    var (factors, solution) = (matrix, rightHandSide)
    let isDone = factors.withUnsafeMutableBufferPointer { a in
      solution.withUnsafeMutableBufferPointer { b in
        guard let a = a.baseAddress, let b = b.baseAddress else { return false }
        return BLAS.leastSquares(rows: rows, columns: columns, a, b)
      }
    }
    // dgels reports only exact zeros on the diagonal of R.
    let diagonal = (0..<columns).map { abs(factors[$0 * columns + $0]) }
    let largest = diagonal.max() ?? 0
    guard isDone, diagonal.allSatisfy({ $0 > 1e-13 * largest }) else { return nil }
    return Array(solution.prefix(columns))
  }

  /// A⁻¹ b for a symmetric positive definite A [n, n], by Cholesky factorisation.
  ///
  /// - Returns: nil if A is not positive definite, to rounding, or anything is not finite.
  public static func solve(symmetric matrix: [Double], _ rightHandSide: [Double]) -> [Double]? {
    let order = rightHandSide.count
    precondition(
      matrix.count == order * order, "solve: \(matrix.count) numbers for a matrix of order \(order)"
    )
    guard order > 0 else { return [] }
    guard matrix.allSatisfy(\.isFinite), rightHandSide.allSatisfy(\.isFinite) else { return nil }
    var (factor, solution) = (matrix, rightHandSide)
    let isDone = factor.withUnsafeMutableBufferPointer { a in
      solution.withUnsafeMutableBufferPointer { b in
        guard let a = a.baseAddress, let b = b.baseAddress else { return false }
        return BLAS.cholesky(order: order, a) && BLAS.solve(order: order, factor: a, b)
      }
    }
    return isDone ? solution : nil
  }
}
