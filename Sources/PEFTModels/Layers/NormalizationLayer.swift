import PEFTTensor

/// A layer norm with scale and shift.
public final class NormalizationLayer {
  /// γ [n].
  public let scale: Parameter
  /// β [n].
  public let shift: Parameter
  /// Added to the variance.
  public let epsilon: Double

  /// The layer that only normalises: γ = 1, β = 0.
  public init(name: String, width: Int, epsilon: Double) {
    scale = Parameter(name: name + ".weight", value: Tensor(repeating: 1, shape: [width]))
    shift = Parameter(name: name + ".bias", value: Tensor(zeros: [width]))
    self.epsilon = epsilon
  }

  /// Both parameters.
  public var parameters: [Parameter] { [scale, shift] }

  /// Normalises x + residual, [T, n] → [T, n].
  public func callAsFunction(
    _ x: Variable, adding residual: Variable? = nil, on tape: Tape
  ) -> Variable {
    tape.layerNorm(x, residual: residual, scale: scale, shift: shift, epsilon: epsilon)
  }
}
