import Foundation

/// How the cross entropy of a row with the correct class y treats the classes, with
/// p = softmax(z):
///
///     ℓ = −Σ_c w_c t_c log p_c,   t = (1 − ε) · one-hot(y) + ε / C
///     ℓ = −w_y (1 − p_y)^γ log p_y      focal loss (Lin et al. 2017), if γ > 0
///
/// The loss of a batch is the mean of ℓ over its rows. PyTorch divides by the sum of the weights
/// w_y instead, so that a batch of one row ignores them and an accumulated step differs from that
/// of one large batch.
public struct LossShape: Hashable, Sendable {
  /// Cross entropy as it is.
  public static let plain = LossShape()

  /// ε, the label smoothing, from 0 to below 1.
  public var labelSmoothing: Double
  /// w, the weight of each class; empty for weights of 1.
  public var classWeights: [Double]
  /// γ, from 0; 0 turns the focal loss off.
  public var focusing: Double

  /// Creates a shape. Label smoothing and the focal loss exclude each other.
  public init(
    labelSmoothing: Double = 0, classWeights: [Double] = [], focusing: Double = 0
  ) {
    precondition(
      labelSmoothing == 0 || focusing == 0, "LossShape: label smoothing with a focal loss")
    self.labelSmoothing = labelSmoothing
    self.classWeights = classWeights
    self.focusing = focusing
  }

  /// w_c.
  package func weight(of index: Int) -> Double {
    classWeights.isEmpty ? 1 : classWeights[index]
  }

  /// w_c t_c of a row with the class `label` among `count`.
  package func target(_ index: Int, label: Int, count: Int) -> Double {
    weight(of: index)
      * ((index == label ? 1 - labelSmoothing : 0) + labelSmoothing / Double(count))
  }

  /// The derivatives of a row's loss, ∇ℓ = a p − τ with Σ τ = a, and the curvature
  ///
  ///     a (diag p − p pᵀ) + b (e_y − p)(e_y − p)ᵀ
  ///
  /// It is the Hessian, except that of a focal loss, which is not convex, b leaves out what is
  /// negative. With u = log p_y and the focal loss φ(u), a = −φ′ and b = max(0, φ″).
  package struct Derivatives: Hashable, Sendable {
    /// a.
    package let scale: Double
    /// b.
    package let extra: Double
  }

  /// The derivatives of a row with the class `label` among `count`, where u = `logProbability` is
  /// log p_y.
  package func derivatives(label: Int, count: Int, logProbability u: Double) -> Derivatives {
    guard focusing > 0 else {
      if classWeights.isEmpty { return Derivatives(scale: 1, extra: 0) }
      if labelSmoothing == 0 { return Derivatives(scale: weight(of: label), extra: 0) }
      let sum = (0..<count).reduce(0) { $0 + target($1, label: label, count: count) }
      return Derivatives(scale: sum, extra: 0)
    }
    let (weight, rest) = (weight(of: label), max(-expm1(u), .leastNormalMagnitude))
    let power = pow(rest, focusing - 1)
    let scale = power * (rest - focusing * (1 - rest) * u)
    guard rest > 1e-9 else { return Derivatives(scale: weight * scale, extra: 0) }
    let second =
      focusing * (1 - rest) * power * (u + 2 - (focusing - 1) * (1 - rest) * u / rest)
    return Derivatives(scale: weight * scale, extra: weight * max(0, second))
  }

  /// τ_c of a row with these derivatives.
  package func gradientTarget(
    _ index: Int, label: Int, count: Int, _ derivatives: Derivatives
  ) -> Double {
    guard focusing > 0 else { return target(index, label: label, count: count) }
    return index == label ? derivatives.scale : 0
  }
}
