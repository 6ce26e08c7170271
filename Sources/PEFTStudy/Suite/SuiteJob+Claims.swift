import PEFTModels
import PEFTNetwork
import PEFTSelect

extension SuiteJob {
  /// Ends a check where `shouldStop` says so.
  private struct Stopped: Error {}

  /// Reads or makes what a probe found with a seed.
  private typealias Prober = (_ probe: String, _ problem: String, _ seed: UInt64) throws ->
    Influence

  /// Checks the claims; probes that no row needed are made. Nil where it was stopped.
  public func claims(
    _ results: SuiteResults, shouldStop: () -> Bool = { false }, observe: (Event) -> Void = { _ in }
  ) throws -> SuiteClaims? {
    func prober(_ probe: String, _ problem: String, _ seed: UInt64) throws -> Influence {
      guard
        let found = try influence(
          probe, problem: problem, seed: seed, shouldStop: shouldStop, observe: observe)
      else { throw Stopped() }
      return found
    }
    do {
      let subsets = suite.problems.map { SubsetScores(results, problem: $0.name) }
      return SuiteClaims(
        agreements: try agreements(SuiteStatistics(results), prober),
        choices: try choices(subsets, SuiteStatistics(results), prober),
        additivity: subsets.compactMap(\.additivity), rejections: try rejections(prober))
    } catch is Stopped {
      return nil
    }
  }

  private func agreements(
    _ statistics: SuiteStatistics, _ prober: Prober
  ) throws -> [SuiteClaims.Agreement] {
    var agreements: [SuiteClaims.Agreement] = []
    for item in suite.agreements {
      for problem in suite.problems where (item.problem ?? problem.name) == problem.name {
        let other = suite.problems.first { $0.name == item.otherProblem ?? problem.name } ?? problem
        let tau = try suite.seeds.map { seed in
          let first = try prober(item.probe, problem.name, seed)
          let planner =
            other.name == problem.name
            ? Planner(first) : try Planner(first, for: other.job.modelDirectory)
          return try planner.agreement(with: prober(item.otherProbe, other.name, seed))
        }
        agreements.append(
          SuiteClaims.Agreement(
            name: item.name, problem: problem.name, value: statistics.estimate(tau.map(\.value)),
            perParameter: statistics.estimate(tau.map(\.perParameter))))
      }
    }
    return agreements
  }

  private func rejections(_ prober: Prober) throws -> [SuiteClaims.Rejection] {
    let fits = suite.probes.sorted { $0.key < $1.key }.filter {
      if case .fit = $0.value.probe.estimator { true } else { false }
    }
    return try fits.flatMap { name, _ in
      try suite.problems.filter { suite.uses(name, on: $0.name) }.map { problem in
        SuiteClaims.Rejection(
          try suite.seeds.map { try prober(name, problem.name, $0) }, probe: name,
          problem: problem.name)
      }
    }
  }

  /// What every probe of the subsets' groups chooses under each budget, with the first seed.
  private func choices(
    _ subsets: [SubsetScores], _ statistics: SuiteStatistics, _ prober: Prober
  ) throws -> [SuiteClaims.Choice] {
    var choices: [SuiteClaims.Choice] = []
    for scores in subsets {
      guard let rule = scores.probe.flatMap({ suite.probes[$0]?.rule }),
        let seed = suite.seeds.first
      else { continue }
      for (name, settings) in suite.probes.sorted(by: { $0.key < $1.key })
      where settings.rule == rule && settings.candidates == nil {
        let found = try prober(name, scores.problem, seed)
        for budget in suite.budgets {
          let limit = Int(saturating: budget * statistics.parameters(of: scores.problem))
          guard let plan = try? Planner(found).plan(budget: limit, seed: seed),
            let choice = scores.choice(
              plan.groups.filter { !$0.group.isFixed }.map(\.group.name), probe: name,
              budget: budget, limit: limit)
          else { continue }
          choices.append(choice)
        }
      }
    }
    return choices
  }
}

extension ComparisonSuite {
  /// Whether a method or an agreement needs a probe on a problem.
  fileprivate func uses(_ probe: String, on problem: String) -> Bool {
    let isChosenBy = methods.contains { method in
      guard method.problems?.contains(problem) ?? true else { return false }
      switch method.kind {
      case .selection(let choice): return choice.probe == probe
      case .everySubset(let name): return name == probe
      case .fixed, .lastLayers: return false
      }
    }
    return isChosenBy
      || agreements.contains { item in
        (item.probe == probe && item.problem ?? problem == problem)
          || (item.otherProbe == probe && item.otherProblem ?? item.problem ?? problem == problem)
      }
  }
}
