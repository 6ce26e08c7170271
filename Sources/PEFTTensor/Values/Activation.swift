/// An element-wise nonlinearity.
public enum Activation: CaseIterable, Hashable, Sendable {
  /// x Φ(x) with the exact normal distribution function, by erf (Hendrycks & Gimpel 2016).
  case gelu
  /// GELU with Φ approximated by tanh: ½ x (1 + tanh(√(2/π) (x + 0.044715 x³))).
  case geluTanh
  /// The hyperbolic tangent.
  case tanh
  /// x σ(x) with the logistic function σ(x) = 1 / (1 + e⁻ˣ), also called swish (Elfwing et al.
  /// 2018).
  case silu
  /// max(x, 0), whose derivative at 0 counts as 0.
  case relu

  /// Whether a tape saves the output of this activation instead of its input.
  var savesOutput: Bool { self == .tanh }
}
