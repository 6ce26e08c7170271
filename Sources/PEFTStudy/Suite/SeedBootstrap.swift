import Foundation
import PEFTSelect
import PEFTTensor

/// 95 % confidence intervals for means over seeds, by the paired bootstrap: percentiles of
/// `resampleCount` means over seeds sampled with replacement, with the same resamples for all
/// methods.
///
/// For few seeds, the percentiles at 2.5 and 97.5 % give intervals that are too narrow. They are
/// moved outwards as in Hesterberg (What Teachers Should Know About the Bootstrap, The American
/// Statistician 69, 2015), to Φ(∓√(n/(n−1)) t) for n seeds and Student's t: 0.1 and 99.9 % for
/// five. No resample of five values lies outside their range, so these intervals contain the mean
/// of five normal scores 93 times in a hundred. With fewer seeds the coverage would be much lower,
/// so these use Student's interval, mean ∓ t s / √n, instead. A single seed gives no interval.
public struct SeedBootstrap: Sendable {
  /// The number of resamples.
  public static let resampleCount = 10_000
  /// The smallest number of seeds for which resamples are used.
  public static let leastResampledSeeds = 5

  /// An estimate with its confidence interval.
  public struct Estimate: Hashable, Sendable {
    /// The estimate.
    public let value: Double
    /// The lower end of the interval.
    public let low: Double
    /// The upper end of the interval.
    public let high: Double

    /// Creates an estimate.
    public init(value: Double, low: Double, high: Double) {
      self.value = value
      self.low = low
      self.high = high
    }
  }

  private let resamples: [[Int]]
  /// The fraction of the resamples below an interval; the same fraction is above it.
  private let tail: Double

  /// A bootstrap over `seeds` seeds.
  public init(seeds: Int) {
    tail = Self.tail(seeds: seeds)
    var generator = SeededGenerator(seed: 0, purpose: "suite bootstrap")
    resamples = (0..<Self.resampleCount).map { _ in
      (0..<seeds).map { _ in Int(generator.uniform() * Double(seeds)) }
    }
  }

  /// The mean of one value per seed, with its interval.
  public func estimate(_ values: [Double]) -> Estimate {
    func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(max(1, values.count)) }
    let center = mean(values)
    guard values.count > 1 else {
      return Estimate(value: center, low: -.infinity, high: .infinity)
    }
    guard values.count >= Self.leastResampledSeeds else {
      let count = Double(values.count)
      let variance = values.reduce(0) { $0 + ($1 - center) * ($1 - center) } / (count - 1)
      let reach =
        StudentDistribution(degrees: values.count - 1).bound(keptWith: 0.95)
        * (variance / count).squareRoot()
      return Estimate(value: center, low: center - reach, high: center + reach)
    }
    let sorted = resamples.map { resample in mean(resample.map { values[$0] }) }.sorted()
    let below = min(sorted.count / 2, Int(tail * Double(sorted.count)))
    return Estimate(value: center, low: sorted[below], high: sorted[sorted.count - 1 - below])
  }

  /// The fraction of the resamples below a 95 % interval over `seeds` seeds; 0 for one seed.
  package static func tail(seeds: Int) -> Double {
    guard seeds > 1 else { return 0 }
    let bound = StudentDistribution(degrees: seeds - 1).bound(keptWith: 0.95)
    return erfc((Double(seeds) / Double(seeds - 1)).squareRoot() * bound / 2.0.squareRoot()) / 2
  }
}
