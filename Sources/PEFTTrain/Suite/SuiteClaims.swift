import Foundation
import PEFTModels
import PEFTSelect
import PEFTTensor

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
    /// Spearman's correlation of a subset's fall with the sum of its groups' falls, over subsets of two and more.
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

extension SuiteJob {
  /// Checks the claims; probes that no row needed are made. Nil where it was stopped.
  public func claims(
    _ results: SuiteResults, shouldStop: () -> Bool = { false }, observe: (Event) -> Void = { _ in }
  ) throws -> SuiteClaims? {
    let statistics = SuiteStatistics(results)
    func influences(_ probe: String, _ problem: String) throws -> [Influence]? {
      var found: [Influence] = []
      for seed in suite.seeds {
        guard
          let influence = try influence(
            probe, problem: problem, seed: seed, shouldStop: shouldStop, observe: observe)
        else { return nil }
        found.append(influence)
      }
      return found
    }
    var agreements: [SuiteClaims.Agreement] = []
    for item in suite.agreements {
      for problem in suite.problems where (item.problem ?? problem.name) == problem.name {
        let other = suite.problems.first { $0.name == item.otherProblem ?? problem.name } ?? problem
        guard let first = try influences(item.probe, problem.name),
          let second = try influences(item.otherProbe, other.name)
        else { return nil }
        let tau = try zip(first, second).map { first, second in
          let planner =
            other.name == problem.name
            ? Planner(first) : try Planner(first, for: other.job.modelDirectory)
          return try planner.agreement(with: second)
        }
        agreements.append(
          SuiteClaims.Agreement(
            name: item.name, problem: problem.name, value: statistics.estimate(tau.map(\.value)),
            perParameter: statistics.estimate(tau.map(\.perParameter))))
      }
    }
    var rejections: [SuiteClaims.Rejection] = []
    for (name, settings) in suite.probes.sorted(by: { $0.key < $1.key }) {
      guard case .fit = settings.probe.estimator else { continue }
      for problem in suite.problems {
        guard let found = try influences(name, problem.name) else { return nil }
        rejections.append(SuiteClaims.Rejection(found, probe: name, problem: problem.name))
      }
    }
    var choices: [SuiteClaims.Choice] = []
    var additivity: [SuiteClaims.Additivity] = []
    for problem in suite.problems {
      let subsets = SubsetScores(results, problem: problem.name)
      guard let probe = subsets.probe, let rule = suite.probes[probe]?.rule else { continue }
      additivity += subsets.additivity.map { [$0] } ?? []
      for (name, settings) in suite.probes.sorted(by: { $0.key < $1.key })
      where settings.rule == rule && settings.candidates == nil {
        guard let seed = suite.seeds.first,
          let found = try influence(
            name, problem: problem.name, seed: seed, shouldStop: shouldStop, observe: observe)
        else { return nil }
        for budget in suite.budgets {
          let limit = Int(budget * statistics.parameters(of: problem.name))
          guard let plan = try? Planner(found).plan(budget: limit, seed: seed) else { continue }
          let names = plan.groups.filter { !$0.group.isFixed }.map(\.group.name)
          choices +=
            subsets.choice(names, probe: name, budget: budget, limit: limit).map { [$0] } ?? []
        }
      }
    }
    return SuiteClaims(
      agreements: agreements, choices: choices, additivity: additivity, rejections: rejections)
  }
}

extension SuiteClaims.Rejection {
  fileprivate init(_ influences: [Influence], probe: String, problem: String) {
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

/// The runs of all subsets of a problem's groups.
private struct SubsetScores {
  /// The probe whose groups they are of; nil where no subsets were trained.
  let probe: String?
  private let problem: String
  private let subsets:
    [(names: Set<String>, label: String, trainable: Int, score: Double, loss: Double)]

  init(_ results: SuiteResults, problem: String) {
    self.problem = problem
    var probe: String?
    var subsets: [(Set<String>, String, Int, Double, Double)] = []
    for entry in results.entries where entry.row.problem == problem {
      guard case .subset(let names, let name) = entry.row.content else { continue }
      probe = name
      guard let score = results.scores(entry, on: "dev")?.first,
        let loss = entry.values("loss", on: "dev")?.first
      else { continue }
      let label = names.isEmpty ? "none" : names.joined(separator: " + ")
      subsets.append((Set(names), label, entry.trainable, score, loss))
    }
    self.probe = probe
    self.subsets = subsets.map { ($0.0, $0.1, $0.2, $0.3, $0.4) }
  }

  func choice(_ names: [String], probe: String, budget: Double, limit: Int) -> SuiteClaims.Choice? {
    let fitting = subsets.filter { $0.trainable <= limit }
    guard let chosen = fitting.first(where: { $0.names == Set(names) }),
      let best = fitting.max(by: { ($0.score, -$0.loss) < ($1.score, -$1.loss) })
    else { return nil }
    return SuiteClaims.Choice(
      problem: problem, probe: probe, budget: budget, chosen: chosen.label, score: chosen.score,
      best: best.label, bestScore: best.score,
      rank: 1 + fitting.count { $0.score > chosen.score }, count: fitting.count)
  }

  var additivity: SuiteClaims.Additivity? {
    guard let base = subsets.first(where: { $0.names.isEmpty })?.loss else { return nil }
    var single: [String: Double] = [:]
    for subset in subsets where subset.names.count == 1 {
      if let name = subset.names.first { single[name] = base - subset.loss }
    }
    let pairs = subsets.filter { $0.names.count > 1 }.map { subset in
      (fall: base - subset.loss, sum: subset.names.reduce(0) { $0 + (single[$1] ?? 0) })
    }
    guard pairs.count > 2 else { return nil }
    let ratios = pairs.filter { $0.sum > 0 }.map { $0.fall / $0.sum }.sorted()
    return SuiteClaims.Additivity(
      problem: problem,
      correlation: RegressionMetrics(
        predictions: pairs.map(\.fall), targets: pairs.map(\.sum), loss: 0
      ).spearman,
      ratio: ratios.isEmpty ? .nan : ratios[ratios.count / 2], count: pairs.count)
  }
}
