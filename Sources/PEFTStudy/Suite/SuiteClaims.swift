import PEFTSelect

/// The claims of the method, checked on a suite's probes and runs.
public struct SuiteClaims: Sendable {
  /// How far two rankings agree.
  public struct Agreement: Sendable {
    /// What is compared.
    public let name: String
    /// Where.
    public let problem: String
    /// Kendall's τ by value, over seeds.
    public let value: SuiteStatistics.Estimate
    /// The same by value for each parameter.
    public let perParameter: SuiteStatistics.Estimate
  }

  /// A choice among the groups of which all subsets were trained.
  public struct Choice: Sendable {
    /// The problem.
    public let problem: String
    /// The probe that chose.
    public let probe: String
    /// The budget, as a share.
    public let budget: Double
    /// What was chosen.
    public let chosen: String
    /// Its score on the dev data.
    public let score: Double
    /// The best subset under the budget.
    public let best: String
    /// Its score.
    public let bestScore: Double
    /// The place of the choice among the subsets that fit, from 1.
    public let rank: Int
    /// How many fit.
    public let count: Int
  }

  /// Whether the falls of the dev loss add up.
  public struct Additivity: Sendable {
    /// The problem.
    public let problem: String
    /// Spearman's correlation of a subset's fall with the sum of its groups' falls, over
    /// subsets of two and more.
    public let correlation: Double
    /// The median of fall by sum.
    public let ratio: Double
    /// The subsets.
    public let count: Int
  }

  /// How many fits of a probe were refused.
  public struct Rejection: Sendable {
    /// The problem.
    public let problem: String
    /// The probe.
    public let probe: String
    /// The part of all fits, of all groups, probes and seeds, that did not pass.
    public let share: Double
    /// Those of groups.
    public let byGroup: [(name: String, share: Double)]
  }

  /// The agreements asked for.
  public let agreements: [Agreement]
  /// Choices held against all subsets.
  public let choices: [Choice]
  /// Sums held against what training gave.
  public let additivity: [Additivity]
  /// Refused fits.
  public let rejections: [Rejection]
}

extension SuiteClaims.Rejection {
  /// Of `influences`, a seed each.
  init(_ influences: [Influence], probe: String, problem: String) {
    self.probe = probe
    self.problem = problem
    let groups = influences.first?.groups ?? []
    let records = influences.flatMap(\.records)
    byGroup = groups.indices.filter { !groups[$0].isFixed }.map { index in
      let refused = records.count { !$0.isAccepted[index] }
      return (groups[index].name, Double(refused) / Double(max(1, records.count)))
    }
    share = byGroup.reduce(0) { $0 + $1.share } / Double(max(1, byGroup.count))
  }
}
