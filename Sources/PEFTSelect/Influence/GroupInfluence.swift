import PEFTTensor

/// The measured influence of one group.
public struct GroupInfluence: Hashable, Sendable {
  /// The slope b = Gᵀg, positive if a step against g lowers the loss.
  public let slope: Double
  /// The standard error of the slope.
  public let slopeError: Double
  /// The curvature a = gᵀHg.
  public let curvature: Double
  /// The standard error of the curvature.
  public let curvatureError: Double
  /// The reduction of the loss by the group under the chosen rule; never negative.
  public let value: Double
  /// The standard error of the value, to first order in the errors of slope and curvature.
  public let valueError: Double
  /// The step η* within the reach that achieves this reduction.
  public let step: Double
  /// How far the influence can be trusted.
  public let verdict: Verdict

  /// Creates an influence from these numbers.
  public init(
    slope: Double, slopeError: Double, curvature: Double, curvatureError: Double, value: Double,
    valueError: Double, step: Double, verdict: Verdict
  ) {
    self.slope = slope
    self.slopeError = slopeError
    self.curvature = curvature
    self.curvatureError = curvatureError
    self.value = value
    self.valueError = valueError
    self.step = step
    self.verdict = verdict
  }

  /// How far an influence can be trusted.
  public enum Verdict: String, CaseIterable, Hashable, Sendable {
    /// The slope is more than two standard errors above zero.
    case certain
    /// The slope is within two standard errors of zero.
    case uncertain
    /// The slope is more than two standard errors below zero: a step along the direction raises the
    /// loss.
    case rising
    /// The direction is zero, or the loss does not depend on it.
    case flat
    /// No fit was accepted.
    case unfitted
  }
}

/// A rule that turns slope and curvature into the value of a group.
public enum InfluenceRule: Hashable, Sendable {
  /// max over 0 ≤ η ≤ ρ of bη − ½aη²: the reduction of the loss by the best step within reach.
  /// Finite for any a.
  case trustRegion(reach: Double)
  /// b² / (2a): the trust-region value without a limit on the step, which is the paper's rule up to
  /// the factor ½. Zero if a ≤ 0.
  case newton
  /// b: the reduction of the loss for each unit of a small step.
  case slope

  /// The best step η* and the reduction of the loss it achieves.
  public func best(slope: Double, curvature: Double) -> (step: Double, value: Double) {
    guard slope > 0 else { return (0, 0) }
    switch self {
    case .slope: return (0, slope)
    case .newton:
      guard curvature > 0 else { return (0, 0) }
      return (slope / curvature, slope * slope / (2 * curvature))
    case .trustRegion(let reach):
      let step = curvature > 0 ? min(reach, slope / curvature) : reach
      return (step, slope * step - 0.5 * curvature * step * step)
    }
  }

  /// The variance of the value. With η the best step, ∂V/∂b = η and ∂V/∂a = −η²/2, whether the step
  /// is inside the reach or at its limit.
  func variance(
    slope: Double, step: Double, slopeVariance: Double, curvatureVariance: Double,
    covariance: Double
  ) -> Double {
    guard slope > 0 else { return 0 }
    if self == .slope { return slopeVariance }
    let half = -0.5 * step * step
    return max(
      0,
      step * step * slopeVariance + half * half * curvatureVariance + 2 * step * half * covariance)
  }

  /// The rule's name on the command line and in files: `trust-region`, `newton` or `slope`.
  public var name: String {
    switch self {
    case .trustRegion: "trust-region"
    case .newton: "newton"
    case .slope: "slope"
    }
  }
}

/// How several probes are combined into one estimate.
public enum ProbeAggregation: String, CaseIterable, Hashable, Sendable {
  /// The value of the mean slope and the mean curvature over all probes, weighted by examples. A
  /// single probe with a curvature near zero cannot dominate it.
  case ratioOfMeans = "ratio-of-means"
  /// The sum of the values of all accepted probes, as in the paper.
  case sum
}
