import CPEFTKernels

extension VectorKernels {
  /// x ← x + bias, for every row of x [rows, columns].
  package func addBias(
    rows: Int, columns: Int, stride: Int, to x: UnsafeMutablePointer<Float>,
    bias: UnsafePointer<Float>
  ) {
    functions.add_bias(rows, columns, stride, bias, x)
  }

  /// y ← y + factor · x.
  package func addScaled(
    count: Int, _ factor: Float, _ x: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>
  ) {
    functions.add_scaled(count, factor, x, y)
  }

  /// x ← factor · x.
  package func scale(count: Int, _ factor: Float, _ x: UnsafeMutablePointer<Float>) {
    functions.scale(count, factor, x)
  }

  /// z = x ∘ y; z may be x or y.
  package func multiply(
    count: Int, _ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>,
    into z: UnsafeMutablePointer<Float>
  ) {
    functions.multiply(count, x, y, z)
  }

  /// Σ x y. The products are exact and the sum is in Double.
  package func dot(
    count: Int, _ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>
  ) -> Double {
    functions.dot(count, x, y)
  }

  /// sums [k] ← sums + Σ_t left_t,rows[k] · right_t,columns[k] over the rows t of left and right,
  /// in order. The products are exact and the sums in Double.
  package func addSampledProducts(
    of left: UnsafePointer<Float>, leftStride: Int, _ right: UnsafePointer<Float>,
    rightStride: Int, tokens: Int, rows: UnsafePointer<Int32>, columns: UnsafePointer<Int32>,
    count: Int, to sums: UnsafeMutablePointer<Double>
  ) {
    functions.sampled_products(
      tokens, count, rows, columns, left, leftStride, right, rightStride, sums)
  }

  /// Σ x². The squares are exact and the sum is in Double.
  package func sumOfSquares(count: Int, _ x: UnsafePointer<Float>) -> Double {
    functions.dot(count, x, x)
  }

  /// y = scale · x wᵀ with x [rows, inner], w [outputs, inner] and y [rows, outputs] of the given
  /// stride. Meant for few rows: w is read once. The result of a row does not depend on the other
  /// rows.
  ///
  /// - Accuracy: sums in Float, over the lanes of two vectors.
  package func rowProducts(
    rows: Int, outputs: Int, inner: Int, scale: Float, _ x: UnsafePointer<Float>,
    _ w: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, stride: Int
  ) {
    functions.row_products(rows, outputs, inner, scale, x, w, y, stride)
  }

  /// The same with a w of bfloat16 numbers: the bits are those of w in Float.
  package func rowProducts(
    rows: Int, outputs: Int, inner: Int, scale: Float, _ x: UnsafePointer<Float>,
    _ w: UnsafePointer<UInt16>, into y: UnsafeMutablePointer<Float>, stride: Int
  ) {
    functions.bfloat_row_products(rows, outputs, inner, scale, x, w, y, stride)
  }

  /// Whether every element is finite.
  package func allFinite(count: Int, _ x: UnsafePointer<Float>) -> Bool {
    functions.all_finite(count, x)
  }

  /// sums [columns] ← (sums +) Σ_t x_t over the rows of x [rows, columns]. Rows are added in order,
  /// no matter which columns are summed together.
  ///
  /// - Accuracy: blocks of 16 rows are summed in Float, and the blocks in Double.
  package func columnSums(
    rows: Int, columns: Int, stride: Int, of x: UnsafePointer<Float>,
    into sums: UnsafeMutablePointer<Float>, accumulating: Bool
  ) {
    functions.column_sums(rows, columns, stride, x, nil, accumulating, sums)
  }

  /// sums [columns] ← (sums +) Σ_t x_t ∘ y_t; see `columnSums`.
  package func columnSumsOfProducts(
    rows: Int, columns: Int, stride: Int, of x: UnsafePointer<Float>,
    times y: UnsafePointer<Float>, into sums: UnsafeMutablePointer<Float>, accumulating: Bool
  ) {
    functions.column_sums(rows, columns, stride, x, y, accumulating, sums)
  }
}
