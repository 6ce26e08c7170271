import CPEFTKernels

/// - Accuracy: errors are at most 2e-7 · max(1, |x|), and 4e-7 · |v| in the derivatives. NaN gives
///   NaN; −∞ gives the limit, which is 0 for both GELUs, for SiLU and for ReLU. ReLU has no error.
extension VectorKernels {
  /// y = x Φ(x), with Φ the standard normal distribution function.
  package func gelu(
    count: Int, _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>
  ) {
    functions.gelu(count, x, y)
  }

  /// y = (Φ(x) + x φ(x)) v, with φ the standard normal density.
  package func geluDerivative(
    count: Int, _ x: UnsafePointer<Float>, times v: UnsafePointer<Float>,
    into y: UnsafeMutablePointer<Float>
  ) {
    functions.gelu_derivative(count, x, v, y)
  }

  /// y = x (1 + tanh u) / 2 with u = √(2/π) (x + 0.044715 x³).
  package func geluTanh(
    count: Int, _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>
  ) {
    functions.gelu_tanh(count, x, y)
  }

  /// y = v times the derivative of `geluTanh` at x.
  package func geluTanhDerivative(
    count: Int, _ x: UnsafePointer<Float>, times v: UnsafePointer<Float>,
    into y: UnsafeMutablePointer<Float>
  ) {
    functions.gelu_tanh_derivative(count, x, v, y)
  }

  /// y = tanh x, within 4 units in the last place.
  package func tanh(
    count: Int, _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>
  ) {
    functions.tanh(count, x, y)
  }

  /// y = (1 − output²) v, where `output` is the result of `tanh`.
  package func tanhDerivative(
    count: Int, _ output: UnsafePointer<Float>, times v: UnsafePointer<Float>,
    into y: UnsafeMutablePointer<Float>
  ) {
    functions.tanh_derivative(count, output, v, y)
  }

  /// y = x σ(x) with σ(x) = 1 / (1 + e⁻ˣ).
  package func silu(
    count: Int, _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>
  ) {
    functions.silu(count, x, y)
  }

  /// y = σ(x) (1 + x (1 − σ(x))) v.
  package func siluDerivative(
    count: Int, _ x: UnsafePointer<Float>, times v: UnsafePointer<Float>,
    into y: UnsafeMutablePointer<Float>
  ) {
    functions.silu_derivative(count, x, v, y)
  }

  /// y = max(x, 0).
  package func relu(
    count: Int, _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>
  ) {
    functions.relu(count, x, y)
  }

  /// y = v where x > 0, and 0 elsewhere.
  package func reluDerivative(
    count: Int, _ x: UnsafePointer<Float>, times v: UnsafePointer<Float>,
    into y: UnsafeMutablePointer<Float>
  ) {
    functions.relu_derivative(count, x, v, y)
  }
}
