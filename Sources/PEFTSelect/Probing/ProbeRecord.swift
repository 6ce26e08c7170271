/// The slope b_k and curvature a_k of the loss along a direction that one probe measured for every
/// group.
///
///     L(w − η g_k) ≈ L − η b_k + ½ η² a_k
///
/// The variances of both are estimated from the examples they are averaged over, or from the fit.
public struct ProbeRecord: Sendable {
  /// The number of examples in the probe.
  public let exampleCount: Int
  /// b, K numbers.
  public internal(set) var slopes: [Double]
  /// The variance of each b.
  public internal(set) var slopeVariances: [Double]
  /// a, K numbers.
  public internal(set) var curvatures: [Double]
  /// The variance of each a.
  public internal(set) var curvatureVariances: [Double]
  /// The covariance of b and a.
  public internal(set) var covariances: [Double]
  /// Whether the fit of each group was accepted; always true if nothing is fitted.
  public internal(set) var isAccepted: [Bool]

  /// Creates a record of zeros for `groupCount` groups.
  init(exampleCount: Int, groupCount: Int) {
    self.exampleCount = exampleCount
    slopes = Array(repeating: 0, count: groupCount)
    slopeVariances = slopes
    curvatures = slopes
    curvatureVariances = slopes
    covariances = slopes
    isAccepted = Array(repeating: true, count: groupCount)
  }

  /// Creates a record from the numbers that a file stores of a probe, which has no variances.
  public init(
    exampleCount: Int, slopes: [Double], curvatures: [Double], isAccepted: [Bool]
  ) {
    precondition(
      slopes.count == curvatures.count && slopes.count == isAccepted.count,
      "ProbeRecord: \(slopes.count) slopes, \(curvatures.count) curvatures, "
        + "\(isAccepted.count) marks")
    self.init(exampleCount: exampleCount, groupCount: slopes.count)
    self.slopes = slopes
    self.curvatures = curvatures
    self.isAccepted = isAccepted
  }

  /// All numbers as six rows of K: slopes, curvatures, their variances, covariances and marks.
  package var rows: [[Double]] {
    get {
      [
        slopes, curvatures, slopeVariances, curvatureVariances, covariances,
        isAccepted.map { $0 ? 1 : 0 },
      ]
    }
    set {
      precondition(
        newValue.count == 6 && newValue.allSatisfy { $0.count == groupCount },
        "ProbeRecord: \(newValue.map(\.count)) numbers for \(groupCount) groups")
      (slopes, curvatures, slopeVariances) = (newValue[0], newValue[1], newValue[2])
      (curvatureVariances, covariances) = (newValue[3], newValue[4])
      isAccepted = newValue[5].map { $0 != 0 }
    }
  }

  /// The number of groups, K.
  public var groupCount: Int { slopes.count }

  /// Whether slope and curvature of a group were determined, whether or not they were accepted. A
  /// failed fit leaves zeros.
  func isFitted(_ group: Int) -> Bool {
    isAccepted[group] || slopes[group] != 0 || curvatures[group] != 0
  }

  /// Sets the means over examples of per-example slopes and curvatures, and the variances of these
  /// means.
  ///
  /// With s_i and h_i the values of example i, b = mean s, Var(b) = Σ (s_i − b)² / (B (B − 1)), and
  /// so on. For a single example, the variance is infinite.
  mutating func set(group: Int, slopes s: (Int) -> Double, curvatures h: (Int) -> Double) {
    let count = Double(exampleCount)
    var (slope, curvature) = (0.0, 0.0)
    for example in 0..<exampleCount {
      slope += s(example)
      curvature += h(example)
    }
    slope /= count
    curvature /= count
    var (slopeSpread, curvatureSpread, together) = (0.0, 0.0, 0.0)
    for example in 0..<exampleCount {
      let (ds, dh) = (s(example) - slope, h(example) - curvature)
      slopeSpread += ds * ds
      curvatureSpread += dh * dh
      together += ds * dh
    }
    let pairs = count * (count - 1)
    slopes[group] = slope
    curvatures[group] = curvature
    slopeVariances[group] = pairs > 0 ? slopeSpread / pairs : slope == 0 ? 0 : .infinity
    curvatureVariances[group] = pairs > 0 ? curvatureSpread / pairs : curvature == 0 ? 0 : .infinity
    covariances[group] = pairs > 0 ? together / pairs : 0
  }
}
