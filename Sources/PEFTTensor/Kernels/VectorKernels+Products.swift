import CPEFTKernels

extension VectorKernels {
  /// A factor of a product: a row-major matrix in memory, as stored or transposed.
  package struct Factor {
    /// The first element.
    let start: UnsafePointer<Float>
    /// The distance between two rows as stored, in elements.
    let stride: Int
    /// Whether the matrix as stored is the factor's transpose.
    let isTransposed: Bool

    /// A factor.
    package init(_ start: UnsafePointer<Float>, stride: Int, isTransposed: Bool = false) {
      self.start = start
      self.stride = stride
      self.isTransposed = isTransposed
    }
  }

  /// Whether `product` is faster than BLAS: where a tile has 24 vectors of 16 sums.
  package var multipliesFast: Bool { instructionSet == .avx512 }

  /// C [rows, columns] ← scale · A [rows, inner] · B [inner, columns] (+ bias [columns]) (+ C).
  ///
  /// An element's result depends on its row of A and its column of B alone, not on what else is computed
  /// with it. With nothing to accumulate C is only written, so it may be uninitialised.
  ///
  /// - Accuracy: sums of 192 terms in Float, one after the other, and these sums likewise.
  package func product(
    _ a: Factor, _ b: Factor, rows: Int, columns: Int, inner: Int, scale: Float = 1,
    bias: UnsafePointer<Float>? = nil, accumulating: Bool = false,
    into c: UnsafeMutablePointer<Float>, stride: Int
  ) {
    precondition(inner > 0, "product: an empty sum")
    var product = peft_product(
      rows: rows, columns: columns, inner: inner, a: a.start, a_stride: a.stride,
      a_transposed: a.isTransposed, b: b.start, b_stride: b.stride, b_transposed: b.isTransposed,
      scale: scale, accumulate: accumulating, bias: bias, c: c, c_stride: stride)
    functions.product(&product)
  }
}
