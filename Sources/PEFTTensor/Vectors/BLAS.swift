import COpenBLAS

/// The only access to CBLAS and LAPACKE. Every call runs on one thread; the worker pool splits
/// products over the cores.
enum BLAS {
  /// How a factor enters a product.
  enum Orientation {
    /// As stored.
    case plain
    /// Transposed.
    case transposed

    fileprivate var code: CBLAS_TRANSPOSE { self == .plain ? CblasNoTrans : CblasTrans }
  }

  /// Limits the library to one thread for each call. Evaluated once, before the first product.
  private static let singleThreaded: Void = openblas_set_num_threads(1)

  /// C ← α·op(A)·op(B) + β·C, row-major, with leading dimensions in elements.
  ///
  /// Shapes: op(A) [rows, inner], op(B) [inner, columns], C [rows, columns]. If `beta` is 0, C is
  /// only written, so it may be uninitialised.
  static func product(
    _ orientationA: Orientation = .plain, _ orientationB: Orientation = .plain,
    rows: Int, columns: Int, inner: Int,
    alpha: Float = 1, _ a: UnsafePointer<Float>, _ strideA: Int,
    _ b: UnsafePointer<Float>, _ strideB: Int,
    beta: Float = 0, _ c: UnsafeMutablePointer<Float>, _ strideC: Int
  ) {
    _ = singleThreaded
    guard rows > 0, columns > 0 else { return }
    cblas_sgemm(
      CblasRowMajor, orientationA.code, orientationB.code,
      Int32(rows), Int32(columns), Int32(inner),
      alpha, a, Int32(strideA), b, Int32(strideB), beta, c, Int32(strideC))
  }

  /// The core type whose kernels the library runs, under the library's own name: `Haswell`,
  /// `SkylakeX`, `Zen`, ….
  static var coreName: String { String(cString: openblas_get_corename()) }

  /// The library's version and build options.
  static var configuration: String { String(cString: openblas_get_config()) }
}

/// Factorisations of small row-major matrices in Double, by LAPACK.
extension BLAS {
  /// Overwrites the first `columns` entries of `b` [rows] with the x that minimises ‖A x − b‖, and
  /// A [rows, columns], rows ≥ columns, with its QR factors. Returns false if A is rank-deficient.
  static func leastSquares(
    rows: Int, columns: Int, _ a: UnsafeMutablePointer<Double>, _ b: UnsafeMutablePointer<Double>
  ) -> Bool {
    _ = singleThreaded
    return LAPACKE_dgels(
      LAPACK_ROW_MAJOR, CChar(UInt8(ascii: "N")), Int32(rows), Int32(columns), 1, a,
      Int32(columns), b, 1) == 0
  }

  /// Overwrites the lower triangle of the symmetric A [n, n] with L, where A = L Lᵀ. Returns false
  /// if A is not positive definite.
  static func cholesky(order: Int, _ a: UnsafeMutablePointer<Double>) -> Bool {
    _ = singleThreaded
    return LAPACKE_dpotrf(
      LAPACK_ROW_MAJOR, CChar(UInt8(ascii: "L")), Int32(order), a, Int32(order)) == 0
  }

  /// Overwrites `b` [n] with A⁻¹ b, given L.
  static func solve(
    order: Int, factor l: UnsafePointer<Double>, _ b: UnsafeMutablePointer<Double>
  ) -> Bool {
    LAPACKE_dpotrs(
      LAPACK_ROW_MAJOR, CChar(UInt8(ascii: "L")), Int32(order), 1, l, Int32(order), b, 1) == 0
  }
}

extension BLAS {
  /// Overwrites the rows of A [rows, columns], rows ≤ columns, with an orthonormal basis of a space
  /// that contains them, by Householder reflections. The basis is complete even if the rows depend
  /// on each other. Returns false if a number is not finite.
  static func orthonormalize(
    rows: Int, columns: Int, _ a: UnsafeMutablePointer<Double>
  ) -> Bool {
    _ = singleThreaded
    var scales = [Double](repeating: 0, count: rows)
    // The rows are the columns of the transpose in LAPACK's own order.
    let (m, n) = (Int32(columns), Int32(rows))
    return LAPACKE_dgeqrf(LAPACK_COL_MAJOR, m, n, a, m, &scales) == 0
      && LAPACKE_dorgqr(LAPACK_COL_MAJOR, m, n, n, a, m, scales) == 0
  }

  /// The singular value decomposition U diag(σ) Vᵀ of A [rows, columns], rows ≤ columns, which is
  /// destroyed: `u` [rows, rows], `values` [rows], descending, and `vt` [rows, columns]. Returns
  /// false if it does not converge or a number is not finite.
  static func singularValues(
    rows: Int, columns: Int, _ a: UnsafeMutablePointer<Double>, u: UnsafeMutablePointer<Double>,
    values: UnsafeMutablePointer<Double>, vt: UnsafeMutablePointer<Double>
  ) -> Bool {
    _ = singleThreaded
    let (m, n) = (Int32(rows), Int32(columns))
    return LAPACKE_dgesdd(
      LAPACK_ROW_MAJOR, CChar(UInt8(ascii: "S")), m, n, a, n, values, u, m, vt, n) == 0
  }
}

extension Processor {
  /// The core type whose kernels BLAS runs.
  public static var blasCoreName: String { BLAS.coreName }

  /// BLAS's version and build options.
  public static var blasConfiguration: String { BLAS.configuration }
}
