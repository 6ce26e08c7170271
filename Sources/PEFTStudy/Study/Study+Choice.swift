import PEFTModels
import PEFTSelect
import PEFTTensor

extension Study.Choice {
  /// The plan that this choice makes from the results of a probe.
  func plan(_ influence: Influence, budget: Int, seed: UInt64) throws -> Plan {
    let planner =
      try predictor.map { try Planner(influence, predictor: $0) } ?? Planner(influence, rule: rule)
    switch solver {
    case .exact: return try planner.plan(budget: budget, seed: seed)
    case .greedy: return try planner.plan(budget: budget, solver: .greedy, seed: seed)
    case .prefix: return try planner.rankedPlan(budget: budget, ending: .atTheFirst)
    case .anchored: return try planner.anchoredPlan(budget: budget, seed: seed)
    case .interacting: return try planner.interactingPlan(budget: budget)
    case .shuffled:
      var generator = SeededGenerator(seed: seed, purpose: "shuffled selection")
      return try planner.rankedPlan(
        budget: budget, by: planner.groups.map { _ in generator.uniform() + 1e-9 }, ending: .never)
    }
  }
}
