import CPEFTKernels

extension VectorKernels {
  /// x ← exp(scale · x − l), row by row of x [rows, columns], where l = log Σ exp(scale · x) is
  /// written to the row's element of `logSumExp` [rows]. A probability below 2⁻¹²⁶ is 0; a row of
  /// −∞ gives NaN.
  package func softmax(
    rows: Int, columns: Int, stride: Int, scale: Float, _ x: UnsafeMutablePointer<Float>,
    logSumExp: UnsafeMutablePointer<Float>
  ) {
    functions.softmax(rows, columns, stride, scale, x, logSumExp)
  }

  /// x ← exp(scale · x − l), with the l that `softmax` wrote. Gives the same bits as `softmax`.
  package func softmaxFromLogSumExp(
    rows: Int, columns: Int, stride: Int, scale: Float, _ x: UnsafeMutablePointer<Float>,
    logSumExp: UnsafePointer<Float>
  ) {
    functions.softmax_from_log_sum_exp(rows, columns, stride, scale, x, logSumExp)
  }

  /// g ← scale · p ∘ (g − Σ p g), row by row: the pullback of x → softmax(scale · x), which equals
  /// its tangent.
  package func softmaxPullback(
    rows: Int, columns: Int, stride: Int, scale: Float, _ p: UnsafePointer<Float>,
    _ g: UnsafeMutablePointer<Float>
  ) {
    functions.softmax_pullback(rows, columns, stride, scale, p, g)
  }

  /// y = γ ∘ x̂ + β with x̂ = (s − mean s) / √(var s + ε) and s = x + residual, row by row of
  /// arrays [rows, columns]. γ and β [columns] are `scale` and `shift`; the variance is biased.
  /// Also writes x̂ and 1 / √(var s + ε) [rows].
  package func layerNorm(
    rows: Int, columns: Int, _ x: UnsafePointer<Float>, residual: UnsafePointer<Float>?,
    scale: UnsafePointer<Float>, shift: UnsafePointer<Float>, epsilon: Float,
    into y: UnsafeMutablePointer<Float>, normalized: UnsafeMutablePointer<Float>,
    inverseDeviation: UnsafeMutablePointer<Float>
  ) {
    functions.layer_norm(
      rows, columns, x, residual, scale, shift, epsilon, y, normalized, inverseDeviation)
  }

  /// result = r (γ∘δ − mean(γ∘δ) − x̂ mean(γ∘δ∘x̂)), the cotangent of s, given δ, the cotangent of
  /// y.
  package func layerNormPullback(
    rows: Int, columns: Int, _ cotangent: UnsafePointer<Float>,
    normalized: UnsafePointer<Float>, inverseDeviation: UnsafePointer<Float>,
    scale: UnsafePointer<Float>, into result: UnsafeMutablePointer<Float>
  ) {
    functions.layer_norm_pullback(
      rows, columns, cotangent, normalized, inverseDeviation, scale, result)
  }

  /// result = γ∘r (ṡ − mean ṡ − x̂ mean(x̂∘ṡ)) + x̂∘γ̇ + β̇, the tangent of y; nil means 0.
  package func layerNormTangent(
    rows: Int, columns: Int, _ tangent: UnsafePointer<Float>?,
    normalized: UnsafePointer<Float>, inverseDeviation: UnsafePointer<Float>,
    scale: UnsafePointer<Float>, scaleDirection: UnsafePointer<Float>?,
    shiftDirection: UnsafePointer<Float>?, into result: UnsafeMutablePointer<Float>
  ) {
    functions.layer_norm_tangent(
      rows, columns, tangent, normalized, inverseDeviation, scale, scaleDirection, shiftDirection,
      result)
  }

  /// y = γ ∘ x̂ with x̂ = s / √(mean s² + ε) and s = x + residual, row by row of arrays
  /// [rows, columns]. γ [columns] is `scale`. Also writes x̂ and 1 / √(mean s² + ε) [rows].
  package func rmsNorm(
    rows: Int, columns: Int, _ x: UnsafePointer<Float>, residual: UnsafePointer<Float>?,
    scale: UnsafePointer<Float>, epsilon: Float, into y: UnsafeMutablePointer<Float>,
    normalized: UnsafeMutablePointer<Float>, inverseDeviation: UnsafeMutablePointer<Float>
  ) {
    functions.rms_norm(
      rows, columns, x, residual, scale, epsilon, y, normalized, inverseDeviation)
  }

  /// result = r (γ∘δ − x̂ mean(γ∘δ∘x̂)), the cotangent of s, given δ, the cotangent of y.
  package func rmsNormPullback(
    rows: Int, columns: Int, _ cotangent: UnsafePointer<Float>,
    normalized: UnsafePointer<Float>, inverseDeviation: UnsafePointer<Float>,
    scale: UnsafePointer<Float>, into result: UnsafeMutablePointer<Float>
  ) {
    functions.rms_norm_pullback(
      rows, columns, cotangent, normalized, inverseDeviation, scale, result)
  }

  /// result = γ∘r (ṡ − x̂ mean(x̂∘ṡ)) + x̂∘γ̇, the tangent of y; nil means 0.
  package func rmsNormTangent(
    rows: Int, columns: Int, _ tangent: UnsafePointer<Float>?,
    normalized: UnsafePointer<Float>, inverseDeviation: UnsafePointer<Float>,
    scale: UnsafePointer<Float>, scaleDirection: UnsafePointer<Float>?,
    into result: UnsafeMutablePointer<Float>
  ) {
    functions.rms_norm_tangent(
      rows, columns, tangent, normalized, inverseDeviation, scale, scaleDirection, result)
  }

  /// y = x with each of the `heads` parts of a row rotated by the row's position p. With c and s
  /// row p of `cosines` and `sines` [positions, half], y_i = x_i c_i − x_{half+i} s_i and
  /// y_{half+i} = x_{half+i} c_i + x_i s_i for i below half. Arrays x and y
  /// are [rows, heads · 2 half]; y may be x.
  ///
  /// - Parameter backwards: whether to rotate by the opposite angles.
  package func rotate(
    rows: Int, heads: Int, half: Int, positions: UnsafePointer<Int32>,
    cosines: UnsafePointer<Float>, sines: UnsafePointer<Float>, backwards: Bool,
    _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>
  ) {
    functions.rotate(rows, heads, half, positions, cosines, sines, backwards, x, y)
  }
}
