import Foundation
import PEFTModels
import PEFTSelect
import PEFTTensor

/// Statistics of a suite's runs for comparing its methods.
///
/// The unit is the seed: intervals are those of `SeedBootstrap`. They account for data order,
/// initial weights and probes, not for the size of the test set. Under each budget, a family is
/// represented by the member that fits and has the best mean on the dev data; test data never
/// influence a choice.
public struct SuiteStatistics: Sendable {
  /// The outcome of a comparison, by the interval of the difference.
  public enum Verdict: String, Hashable, Sendable {
    case win = "won"
    case tie = "undecided"
    case loss = "lost"
  }

  /// The difference between two methods at one budget.
  public struct Difference: Sendable {
    /// The problem.
    public let problem: String
    /// The budget as a fraction of the model's parameters.
    public let budget: Double
    /// The row that represents the suite's own family.
    public let ours: StudyResults.Entry
    /// The row that it is compared with.
    public let other: StudyResults.Entry
    /// The mean scores of both on the test data.
    public let scores: (ours: Double, other: Double)
    /// The score of `ours` minus the score of `other`.
    public let difference: SeedBootstrap.Estimate

    /// A win or loss if the interval excludes zero.
    public var verdict: Verdict {
      difference.low > 0 ? .win : difference.high < 0 ? .loss : .tie
    }
  }

  /// The mean score of a family over budgets, on a logarithmic axis from the smallest to the
  /// largest: the area under its frontier (hypervolume) divided by the width. Where no member fits,
  /// the head alone takes its place, because every method trains it.
  public struct Area: Sendable {
    /// The problem.
    public let problem: String
    /// The family.
    public let family: String
    /// The area divided by the width, in units of the metric.
    public let mean: SeedBootstrap.Estimate
  }

  private let results: StudyResults
  private let bootstrap: SeedBootstrap

  /// Computes the statistics of `results`.
  public init(_ results: StudyResults) {
    self.results = results
    bootstrap = SeedBootstrap(seeds: results.study.seeds.count)
  }

  /// The families with rows that have all seeds and a result, in the order of the methods.
  public func families(on problem: String) -> [String] {
    var families: [String] = []
    for entry in candidates(problem, nil) where !families.contains(entry.row.family) {
      families.append(entry.row.family)
    }
    return families
  }

  /// The rows with all seeds and a result.
  private func candidates(_ problem: String, _ family: String?) -> [StudyResults.Entry] {
    results.entries.filter {
      $0.row.problem == problem && (family ?? $0.row.family) == $0.row.family
        && results.scores($0, on: "dev") != nil && results.scores($0, on: "test") != nil
    }
  }

  /// The member that represents a family if `limit` parameters may train, counted as the budgets
  /// are; nil if no member fits.
  public func representative(
    _ family: String, on problem: String, within limit: Double
  ) -> StudyResults.Entry? {
    best(candidates(problem, family), within: limit)
  }

  /// The member that represents a family at a budget of the study; nil if no member fits.
  ///
  /// What the main job chooses by itself stands for its budget even if it did better with a smaller
  /// one: nobody would know.
  private func representative(
    _ family: String, on problem: String, at budget: Double
  ) -> StudyResults.Entry? {
    let members = candidates(problem, family)
    if members.contains(where: { $0.row.isMeasured }) {
      return members.first { $0.row.budget == budget }
    }
    return best(members, within: budget * parameters(of: problem))
  }

  /// The number of trained parameters of a row, with the head only if the budgets include it.
  public func size(of entry: StudyResults.Entry) -> Double {
    let head = results.study.budgetsIncludeHead ? 0 : results.heads[entry.row.problem] ?? 0
    return Double(entry.trainable - head)
  }

  private func best(_ entries: [StudyResults.Entry], within limit: Double) -> StudyResults.Entry? {
    entries.filter { size(of: $0) <= limit }.max {
      (mean($0, on: "dev"), -$0.meanTrainable) < (mean($1, on: "dev"), -$1.meanTrainable)
    }
  }

  private func mean(_ entry: StudyResults.Entry, on split: String) -> Double {
    Self.mean(results.scores(entry, on: split) ?? [])
  }

  private static func mean(_ values: [Double]) -> Double {
    values.reduce(0, +) / Double(max(1, values.count))
  }

  /// The number of parameters of a problem's model.
  public func parameters(of problem: String) -> Double {
    Double(results.parameters[problem] ?? 1)
  }

  /// The mean of one value per seed, with its interval.
  private func estimate(_ values: [Double]) -> SeedBootstrap.Estimate {
    bootstrap.estimate(values)
  }

  // MARK: - Comparisons

  /// The difference between a family and other families at one budget; nil if either side has no
  /// row that fits.
  public func difference(
    _ family: String, against others: [String], on problem: String, budget: Double
  ) -> Difference? {
    guard let ours = representative(family, on: problem, at: budget),
      let other = best(
        others.compactMap { representative($0, on: problem, at: budget) }, within: .infinity),
      let mine = results.scores(ours, on: "test"), let theirs = results.scores(other, on: "test")
    else { return nil }
    return Difference(
      problem: problem, budget: budget, ours: ours, other: other,
      scores: (Self.mean(mine), Self.mean(theirs)),
      difference: estimate(zip(mine, theirs).map { $0 - $1 }))
  }

  /// The suite's own family compared with the best of its baselines, at every budget of every
  /// problem.
  public var headline: [Difference] {
    results.study.problems.flatMap { problem in
      results.study.budgets.compactMap {
        difference(
          results.study.ours, against: results.study.baselines, on: problem.name, budget: $0)
      }
    }
  }

  /// The number of wins, ties and losses of `family` against `other` over all problems and budgets.
  public func tally(
    _ family: String, against other: String
  ) -> (wins: Int, ties: Int, losses: Int) {
    var tally = (wins: 0, ties: 0, losses: 0)
    for problem in results.study.problems {
      for budget in results.study.budgets {
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

  // MARK: - Sizes that are enough

  /// The smallest member of a family whose mean score on the dev data is at least a share of full
  /// tuning's.
  public struct Sufficient: Sendable {
    /// The member.
    public let entry: StudyResults.Entry
    /// Its mean test score as a share of full fine-tuning's.
    public let testShare: Double
  }

  /// The smallest member of `family` that reaches `share` of full fine-tuning's mean score on the
  /// dev data of a problem; nil if none does, if full fine-tuning has no row, or if scores are
  /// losses.
  public func sufficient(
    _ family: String, on problem: String, share: Double
  ) -> Sufficient? {
    guard results.metrics[problem]?.higherIsBetter == true,
      let full = candidates(problem, nil).first(where: \.row.isFull)
    else { return nil }
    let enough = candidates(problem, family).filter {
      mean($0, on: "dev") >= share * mean(full, on: "dev")
    }
    return enough.min { $0.trainable < $1.trainable }.map {
      Sufficient(entry: $0, testShare: mean($0, on: "test") / mean(full, on: "test"))
    }
  }

  // MARK: - Areas

  /// The area of each family of a problem.
  ///
  /// A family is left out if at the smallest budget neither one of its members nor a row with the
  /// head alone fits.
  public func areas(on problem: String) -> [Area] {
    families(on: problem).compactMap { family in
      guard let steps = frontier(of: family, on: problem) else { return nil }
      let ofSeeds = results.study.seeds.indices.map { seed in
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
    guard let low = results.study.budgets.first, let high = results.study.budgets.last, low < high
    else { return nil }
    let total = parameters(of: problem)
    let entries = candidates(problem, family)
    let heads = candidates(problem, nil).filter(\.row.isHead)
    let sizes = entries.map { size(of: $0) }.filter {
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
