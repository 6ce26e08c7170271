import Foundation
import PEFTModels
import PEFTSelect
import PEFTTensor

/// What the runs of a suite say of its methods.
///
/// Seeds are the unit: intervals of 95 % are percentiles of `resampleCount` means over seeds drawn
/// with replacement, the same draws for all methods (the paired bootstrap). Those of few seeds are
/// too narrow at 2.5 and 97.5 %; the percentiles are therefore moved out as Hesterberg has it (What
/// Teachers Should Know About the Bootstrap, The American Statistician 69, 2015), to Φ(∓√(n/(n−1))
/// t) for n seeds and Student's t, 0.1 and 99.9 % for five. No resample of five values lies beyond
/// the values themselves, so that these hold the mean of five normal scores 93 times of a hundred;
/// fewer would hold it much less often, and have Student's interval, mean ∓ t s / √n, instead. One
/// seed bounds nothing. Intervals tell of data order, initial weights and probes, not of the test
/// set's size. A family stands at a budget with the member that fits and has the best mean on the
/// dev data; test data choose nothing.
public struct SuiteStatistics: Sendable {
  /// Draws of the bootstrap.
  public static let resampleCount = 10_000
  /// The fewest seeds whose resamples are used.
  public static let leastResampledSeeds = 5

  /// A number with its interval.
  public struct Estimate: Hashable, Sendable {
    /// The number.
    public let value: Double
    /// The interval's lower end.
    public let low: Double
    /// Its upper end.
    public let high: Double
  }

  /// How a comparison ended, by the interval of the difference.
  public enum Verdict: String, Hashable, Sendable {
    case win = "won"
    case tie = "undecided"
    case loss = "lost"
  }

  /// Two methods at one budget.
  public struct Difference: Sendable {
    /// The problem.
    public let problem: String
    /// The budget, as a share.
    public let budget: Double
    /// The row that stands for the suite's own family.
    public let ours: SuiteResults.Entry
    /// The row that it is held against.
    public let other: SuiteResults.Entry
    /// Their mean scores on the test data.
    public let scores: (ours: Double, other: Double)
    /// Ours less the other.
    public let difference: Estimate

    /// Win or loss where the interval leaves out zero.
    public var verdict: Verdict {
      difference.low > 0 ? .win : difference.high < 0 ? .loss : .tie
    }
  }

  /// The mean score of a family over budgets, on a logarithmic axis from the smallest to the
  /// largest: the area under its frontier (hypervolume) by the width. Where nothing of it fits, the
  /// head alone stands in, which every method trains.
  public struct Area: Sendable {
    /// The problem.
    public let problem: String
    /// The family.
    public let family: String
    /// The area by the width, in units of the metric.
    public let mean: Estimate
  }

  private let results: SuiteResults
  private let draws: [[Int]]
  /// The part of the resamples below an interval; as much is above.
  private let tail: Double

  /// The statistics of `results`.
  public init(_ results: SuiteResults) {
    self.results = results
    let count = results.suite.seeds.count
    tail = Self.tail(seeds: count)
    var generator = SeededGenerator(seed: 0, purpose: "suite bootstrap")
    draws = (0..<Self.resampleCount).map { _ in
      (0..<count).map { _ in Int(generator.uniform() * Double(count)) }
    }
  }

  /// The families of rows with all seeds and a result, in the order of the methods.
  public func families(on problem: String) -> [String] {
    var families: [String] = []
    for entry in candidates(problem, nil) where !families.contains(entry.row.family) {
      families.append(entry.row.family)
    }
    return families
  }

  /// The rows with all seeds and a result.
  private func candidates(_ problem: String, _ family: String?) -> [SuiteResults.Entry] {
    results.entries.filter {
      $0.row.problem == problem && $0.row.isRepeated && (family ?? $0.row.family) == $0.row.family
        && results.scores($0, on: "dev") != nil && results.scores($0, on: "test") != nil
    }
  }

  /// The member that represents a family if `limit` parameters may train; nil if no member fits.
  public func representative(
    _ family: String, on problem: String, within limit: Double
  ) -> SuiteResults.Entry? {
    best(candidates(problem, family), within: limit)
  }

  private func best(_ entries: [SuiteResults.Entry], within limit: Double) -> SuiteResults.Entry? {
    entries.filter { Double($0.trainable) <= limit }.max {
      (mean($0, on: "dev"), -$0.meanTrainable) < (mean($1, on: "dev"), -$1.meanTrainable)
    }
  }

  private func mean(_ entry: SuiteResults.Entry, on split: String) -> Double {
    Self.mean(results.scores(entry, on: split) ?? [])
  }

  private static func mean(_ values: [Double]) -> Double {
    values.reduce(0, +) / Double(max(1, values.count))
  }

  /// The parameters of a problem's model.
  public func parameters(of problem: String) -> Double {
    Double(
      results.entries.first { $0.row.problem == problem }?.chosen.first?.parameters ?? 1)
  }

  /// The mean of a number for each seed, with its interval.
  public func estimate(_ values: [Double]) -> Estimate {
    let mean = Self.mean(values)
    guard values.count > 1 else { return Estimate(value: mean, low: -.infinity, high: .infinity) }
    guard values.count >= Self.leastResampledSeeds else {
      let count = Double(values.count)
      let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (count - 1)
      let reach =
        StudentDistribution(degrees: values.count - 1).bound(keptWith: 0.95)
        * (variance / count).squareRoot()
      return Estimate(value: mean, low: mean - reach, high: mean + reach)
    }
    let sorted = draws.map { draw in Self.mean(draw.map { values[$0] }) }.sorted()
    let below = min(sorted.count / 2, Int(tail * Double(sorted.count)))
    return Estimate(value: mean, low: sorted[below], high: sorted[sorted.count - 1 - below])
  }

  /// The part of the resamples below an interval of 95 % over so many seeds; 0 for one.
  package static func tail(seeds: Int) -> Double {
    guard seeds > 1 else { return 0 }
    let bound = StudentDistribution(degrees: seeds - 1).bound(keptWith: 0.95)
    return erfc((Double(seeds) / Double(seeds - 1)).squareRoot() * bound / 2.0.squareRoot()) / 2
  }

  // MARK: - Comparisons

  /// A family against another family at one budget; nil where one of them has nothing that fits.
  public func difference(
    _ family: String, against others: [String], on problem: String, budget: Double
  ) -> Difference? {
    let limit = budget * parameters(of: problem)
    guard let ours = representative(family, on: problem, within: limit),
      let other = best(others.flatMap { candidates(problem, $0) }, within: limit),
      let mine = results.scores(ours, on: "test"), let theirs = results.scores(other, on: "test")
    else { return nil }
    return Difference(
      problem: problem, budget: budget, ours: ours, other: other,
      scores: (Self.mean(mine), Self.mean(theirs)),
      difference: estimate(zip(mine, theirs).map { $0 - $1 }))
  }

  /// The suite's own family against the best of its baselines, at every budget of every problem.
  public var headline: [Difference] {
    results.suite.problems.flatMap { problem in
      results.suite.budgets.compactMap {
        difference(
          results.suite.ours, against: results.suite.baselines, on: problem.name, budget: $0)
      }
    }
  }

  /// Wins, ties and losses of `family` against `other` over all problems and budgets.
  public func tally(
    _ family: String, against other: String
  ) -> (wins: Int, ties: Int, losses: Int) {
    var tally = (wins: 0, ties: 0, losses: 0)
    for problem in results.suite.problems {
      for budget in results.suite.budgets {
        switch difference(family, against: [other], on: problem.name, budget: budget)?.verdict {
        case .win: tally.wins += 1
        case .tie: tally.ties += 1
        case .loss: tally.losses += 1
        case nil: break
        }
      }
    }
    return tally
  }

  // MARK: - Areas

  /// The area of each family of a problem; without the head among the methods, of those that have
  /// something at the smallest budget.
  public func areas(on problem: String) -> [Area] {
    families(on: problem).compactMap { family in
      guard let steps = frontier(of: family, on: problem) else { return nil }
      let ofSeeds = results.suite.seeds.indices.map { seed in
        steps.reduce(0) { $0 + $1.width * $1.scores[seed] }
      }
      return Area(problem: problem, family: family, mean: estimate(ofSeeds))
    }
  }

  /// The family's best score within each budget interval, with the interval's share of the log
  /// axis; shares sum to 1. Smaller members fit into larger budgets. Nil if neither a member nor
  /// the head alone fits into the smallest budget.
  private func frontier(
    of family: String, on problem: String
  ) -> [(width: Double, scores: [Double])]? {
    guard let low = results.suite.budgets.first, let high = results.suite.budgets.last, low < high
    else { return nil }
    let total = parameters(of: problem)
    let entries = candidates(problem, family)
    let heads = candidates(problem, nil).filter(\.row.isHead)
    let sizes = entries.map { Double($0.trainable) }.filter {
      $0 > low * total && $0 < high * total
    }
    let edges = [low * total] + Set(sizes).sorted() + [high * total]
    var steps: [(width: Double, scores: [Double])] = []
    for (start, end) in zip(edges, edges.dropFirst()) {
      guard let entry = best(entries, within: start) ?? best(heads, within: start),
        let scores = results.scores(entry, on: "test")
      else { return nil }
      steps.append((log(end / start) / log(high / low), scores))
    }
    return steps
  }
}
