import PEFTTensor

/// What is known of one group's influence.
public struct GroupInfluence: Hashable, Sendable {
  /// The slope b = Gᵀg: positive when a step against g lowers the loss.
  public let slope: Double
  /// Its standard error.
  public let slopeError: Double
  /// The curvature a = gᵀHg.
  public let curvature: Double
  /// Its standard error.
  public let curvatureError: Double
  /// The loss that the group removes, by the rule that was asked for; never negative.
  public let value: Double
  /// Its standard error, to first order in those of slope and curvature.
  public let valueError: Double
  /// The step η* within the reach that removes it.
  public let step: Double
  /// How far to trust it.
  public let verdict: Verdict

  /// An influence with these numbers.
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
    /// The direction is zero, or nothing depends on it.
    case flat
    /// No fit passed the gate.
    case unfitted
  }
}

/// How slopes and curvatures become the value of a group.
public enum InfluenceRule: Hashable, Sendable {
  /// max over 0 ≤ η ≤ ρ of bη − ½aη²: the loss removed by the best step within
  /// reach. Finite for any a.
  case trustRegion(reach: Double)
  /// b² / (2a): the same without a limit; the paper's, up to the factor ½. Nothing where a ≤ 0.
  case newton
  /// b: the loss removed for each unit of a small step.
  case slope

  /// The best step η* and the loss it removes.
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

  /// The variance of the value: with η the best step, ∂V/∂b = η and ∂V/∂a = −η²/2, whether the step
  /// is inside the reach or at its end.
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

  /// `trust-region`, `newton` or `slope`, as on the command line and in files.
  public var name: String {
    switch self {
    case .trustRegion: "trust-region"
    case .newton: "newton"
    case .slope: "slope"
    }
  }
}

/// How several probes become one estimate.
public enum ProbeAggregation: String, CaseIterable, Hashable, Sendable {
  /// The value of the mean slope and the mean curvature, weighted by examples, over all probes. One
  /// probe with a curvature near zero cannot rule it.
  case ratioOfMeans = "ratio-of-means"
  /// The sum of each accepted probe's value (the paper's).
  case sum
}
