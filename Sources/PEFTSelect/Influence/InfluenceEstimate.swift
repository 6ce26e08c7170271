/// Slopes, curvatures and values of all groups, estimated from several probes.
public struct InfluenceEstimate: Sendable {
  /// The influences of the K groups.
  public let groups: [GroupInfluence]

  /// Computes the estimate from `records`, which must not be empty and must have the same number of
  /// groups.
  ///
  /// With `ratioOfMeans`, means are weighted by examples and include every probe with a fit, even a
  /// rejected one. Rejection depends on signs, so a mean over accepted probes alone would be too
  /// favourable.
  ///
  /// The variance of a mean is the larger of two estimates: one from the variances within the
  /// probes, Σ n² Var / N², and, from three probes on, one from their spread, Σ n²
  /// (b_j − b)² / N² · P / (P − 1). A probe of one example has no variance of its own, so it takes
  /// the example-weighted mean of the others. If no probe has one and there is no spread, the
  /// variance is infinite.
  ///
  /// With `sum`, the means and the value, which is a sum, cover only accepted probes; the error of
  /// the value is that of the sum, from the spread of its terms. With either aggregation, a group
  /// without an accepted probe has the value 0.
  public init(
    _ records: [ProbeRecord], rule: InfluenceRule, aggregation: ProbeAggregation = .ratioOfMeans
  ) {
    precondition(!records.isEmpty, "InfluenceEstimate: no probes")
    let count = records[0].groupCount
    precondition(
      records.allSatisfy { $0.groupCount == count },
      "InfluenceEstimate: probes of \(records.map(\.groupCount)) groups")
    groups = (0..<count).map {
      Self.group($0, of: records, rule: rule, aggregation: aggregation)
    }
  }

  /// The values of the K groups.
  public var values: [Double] { groups.map(\.value) }

  private static func group(
    _ index: Int, of all: [ProbeRecord], rule: InfluenceRule, aggregation: ProbeAggregation
  ) -> GroupInfluence {
    let accepted = all.filter { $0.isAccepted[index] }
    let fitted = all.filter { $0.isFitted(index) }
    let counted = aggregation == .sum && !accepted.isEmpty ? accepted : fitted
    let records = counted.isEmpty ? all : counted
    let weights = Self.weights(of: records)
    let slope = Self.mean(records, weights) { $0.slopes[index] }
    let curvature = Self.mean(records, weights) { $0.curvatures[index] }
    let slopeVariance = Self.variance(
      records, weights, of: { $0.slopes[index] }, own: { $0.slopeVariances[index] }, mean: slope)
    let curvatureVariance = Self.variance(
      records, weights, of: { $0.curvatures[index] }, own: { $0.curvatureVariances[index] },
      mean: curvature)
    let covariance = zip(records, weights).reduce(0) { $0 + $1.1 * $1.1 * $1.0.covariances[index] }
    let slopeError = slopeVariance.squareRoot()
    var (step, value) = rule.best(slope: slope, curvature: curvature)
    var valueVariance = rule.variance(
      slope: slope, step: step, slopeVariance: slopeVariance,
      curvatureVariance: curvatureVariance, covariance: covariance)
    if aggregation == .sum {
      let values = accepted.map {
        rule.best(slope: $0.slopes[index], curvature: $0.curvatures[index]).value
      }
      value = values.reduce(0, +)
      valueVariance = spread(values) * Double(values.count)
    }
    let verdict: GroupInfluence.Verdict =
      accepted.isEmpty
      ? .unfitted
      : slope == 0 && curvature == 0
        ? .flat : slope > 2 * slopeError ? .certain : slope < -2 * slopeError ? .rising : .uncertain
    if accepted.isEmpty { (step, value, valueVariance) = (0, 0, 0) }
    return GroupInfluence(
      slope: slope, slopeError: slopeError, curvature: curvature,
      curvatureError: curvatureVariance.squareRoot(), value: value,
      valueError: valueVariance.squareRoot(), step: step, verdict: verdict)
  }

  private static func weights(of records: [ProbeRecord]) -> [Double] {
    let total = records.reduce(0.0) { $0 + Double($1.exampleCount) }
    return records.map { Double($0.exampleCount) / total }
  }

  private static func mean(
    _ records: [ProbeRecord], _ weights: [Double], _ value: (ProbeRecord) -> Double
  ) -> Double {
    zip(records, weights).reduce(0) { $0 + $1.1 * value($1.0) }
  }

  private static func variance(
    _ records: [ProbeRecord], _ weights: [Double], of value: (ProbeRecord) -> Double,
    own: (ProbeRecord) -> Double, mean: Double
  ) -> Double {
    let inside = self.inside(records, weights, own)
    guard records.count > 2 else { return inside ?? .infinity }
    let between = zip(records, weights).reduce(0) { sum, item in
      let difference = value(item.0) - mean
      return sum + item.1 * item.1 * difference * difference
    }
    let count = Double(records.count)
    return max(inside ?? 0, between * count / (count - 1))
  }

  /// Σ n² Var / N², where a probe without a variance takes the mean n Var of the others; nil if no
  /// probe has a variance.
  private static func inside(
    _ records: [ProbeRecord], _ weights: [Double], _ own: (ProbeRecord) -> Double
  ) -> Double? {
    let known = zip(records, weights).filter { own($0.0).isFinite }
    guard !known.isEmpty else { return nil }
    let sum = known.reduce(0) { $0 + $1.1 * $1.1 * own($1.0) }
    return known.count == records.count ? sum : sum / known.reduce(0) { $0 + $1.1 }
  }

  private static func spread(_ values: [Double]) -> Double {
    guard values.count > 1 else { return 0 }
    let mean = values.reduce(0, +) / Double(values.count)
    return values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count - 1)
  }
}
