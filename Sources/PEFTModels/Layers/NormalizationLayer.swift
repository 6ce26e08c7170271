import PEFTTensor

/// A norm over the last axis: a layer norm with a scale and as a rule a shift, or an RMS norm with
/// a scale.
public final class NormalizationLayer {
  /// γ [n].
  public let scale: Parameter
  /// β [n] of a layer norm; nil for an RMS norm, and for a layer norm without a shift.
  public let shift: Parameter?
  /// The zeros in place of a layer norm's missing shift.
  private let zeros: Parameter?
  /// The constant added to the variance or the mean square.
  public let epsilon: Double
  /// The number of heads in a row, each of which an RMS norm normalises by itself.
  public let heads: Int

  /// Creates a layer norm that only normalises: γ = 1, β = 0.
  public convenience init(name: String, width: Int, epsilon: Double) {
    self.init(
      name: name, width: width, heads: 1, epsilon: epsilon,
      shift: Parameter(name: name + ".bias", value: Tensor(zeros: [width])))
  }

  /// Creates an RMS norm that only normalises, γ = 1, each of `heads` heads of `width` columns.
  public convenience init(
    rootMeanSquare name: String, width: Int, heads: Int = 1, epsilon: Double
  ) {
    self.init(name: name, width: width, heads: heads, epsilon: epsilon, shift: nil)
  }

  /// Creates a layer norm without a shift that only normalises: γ = 1.
  public convenience init(unshifted name: String, width: Int, epsilon: Double) {
    let zeros = Parameter(name: name + ".zeros", value: Tensor(zeros: [width]))
    zeros.trains = .none
    self.init(name: name, width: width, heads: 1, epsilon: epsilon, shift: nil, zeros: zeros)
  }

  private init(
    name: String, width: Int, heads: Int, epsilon: Double, shift: Parameter?,
    zeros: Parameter? = nil
  ) {
    scale = Parameter(name: name + ".weight", value: Tensor(repeating: 1, shape: [width]))
    self.shift = shift
    self.zeros = zeros
    self.heads = heads
    self.epsilon = epsilon
  }

  /// All parameters.
  public var parameters: [Parameter] { [scale] + (shift.map { [$0] } ?? []) }

  /// Normalises x + residual, [T, n] → [T, n], or [T, H·n] with H heads.
  public func callAsFunction(
    _ x: Variable, adding residual: Variable? = nil, on tape: Tape
  ) -> Variable {
    guard let shift = shift ?? zeros else {
      return tape.rmsNorm(x, residual: residual, scale: scale, heads: heads, epsilon: epsilon)
    }
    return tape.layerNorm(x, residual: residual, scale: scale, shift: shift, epsilon: epsilon)
  }
}
