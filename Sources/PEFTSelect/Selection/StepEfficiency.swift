import Foundation
import PEFTTensor

/// How much a common step of a set of groups lowers the loss for the distance that it moves the
/// model's answers.
///
///     e(S) = b_S / √a_S,     b_S = Σ b_k,     a_S = Σ A_jk over j, k in S
///
/// ½ η² a_S is the divergence of the answers after a step η, so e(S) does not depend on the unit of
/// the step, and sets of different kinds and sizes can be compared: ½ e(S)² is the loss that the
/// best common step removes. Every group of a set moves by the same step, as it does in training
/// with one learning rate.
public struct StepEfficiency: Sendable {
  private let slopes: [[Double]]
  private let weights: [Double]
  private let interactions: [Double]
  private let ridge: [Double]
  private let count: Int

  /// Creates the comparison from the records of probes and the interaction matrix A [K, K]. The
  /// standard errors of the curvatures, `ridge`, are added to its diagonal.
  ///
  /// Returns nil for fewer than two probes, which cannot be resampled.
  public init?(_ records: [ProbeRecord], interactions: [Double], ridge: [Double]) {
    guard records.count > 1, let first = records.first,
      first.groupCount * first.groupCount == interactions.count,
      ridge.count == first.groupCount
    else { return nil }
    count = first.groupCount
    slopes = records.map(\.slopes)
    weights = records.map { Double($0.exampleCount) }
    self.interactions = interactions
    self.ridge = ridge
  }

  /// e(S); 0 for a set along which nothing moves.
  public func value(of set: [Int]) -> Double {
    let curvature = curvature(of: set)
    guard curvature > 0 else { return 0 }
    return mean(Array(slopes.indices), of: set) / curvature.squareRoot()
  }

  /// The range that holds e(S) − e(S') in 95 of 100 resamples of the probes, which are drawn with
  /// replacement (Efron's bootstrap). A is held fixed.
  ///
  /// The errors of both sets come from the same batches, and mostly cancel. Resamples of a few
  /// probes vary too little, so the range is widened as far as Student's t is wider than the normal
  /// distribution.
  public func difference(
    _ set: [Int], from other: [Int], count: Int = 1000, seed: UInt64
  ) -> ClosedRange<Double> {
    let scales = [set, other].map { set in
      let curvature = curvature(of: set)
      return curvature > 0 ? 1 / curvature.squareRoot() : 0
    }
    var generator = SeededGenerator(seed: seed, purpose: "efficiency")
    let differences = (0..<count).map { _ in
      let drawn = slopes.indices.map { _ in
        Int(generator.uniform() * Double(slopes.count))
      }
      return mean(drawn, of: set) * scales[0] - mean(drawn, of: other) * scales[1]
    }.sorted()
    let tail = Int(0.025 * Double(count))
    let all = Array(slopes.indices)
    let centre = mean(all, of: set) * scales[0] - mean(all, of: other) * scales[1]
    let sample = Double(slopes.count)
    let width =
      (sample / (sample - 1)).squareRoot()
      * StudentDistribution(degrees: slopes.count - 1).bound(keptWith: 0.95) / 1.96
    let (low, high) = (differences[tail], differences[count - 1 - tail])
    return min(
      centre, centre + width * (low - centre))...max(centre, centre + width * (high - centre))
  }

  private func curvature(of set: [Int]) -> Double {
    var sum = 0.0
    for row in set {
      for column in set { sum += interactions[row * count + column] }
      sum += ridge[row].isFinite ? ridge[row] : 0
    }
    return sum
  }

  private func mean(_ probes: [Int], of set: [Int]) -> Double {
    var (sum, total) = (0.0, 0.0)
    for probe in probes {
      sum += weights[probe] * set.reduce(0) { $0 + slopes[probe][$1] }
      total += weights[probe]
    }
    return sum / total
  }
}
