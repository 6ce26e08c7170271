import PEFTSelect

extension Planner {
  /// The best uniform set within `budget` parameters, or a selection if it is certainly better.
  ///
  /// Sets are compared by `StepEfficiency`. Of the uniform sets that are not certainly worse than
  /// the best, `UniformSet.preferred` is taken. Without a uniform set that fits, or if the probe
  /// has no interactions, the plan is that of `interactingPlan`.
  ///
  /// Throws the errors of `interactingPlan`.
  ///
  /// - Parameter seed: determines the resamples.
  public func anchoredPlan(budget: Int, seed: UInt64) throws -> Plan {
    let selected = try interactingPlan(budget: budget)
    let head = groups.headParameterCount
    let sets = UniformSet.all(of: groups).filter { head + $0.parameterCount <= budget }
    guard let efficiency, !sets.isEmpty else { return selected }
    let values = sets.map { efficiency.value(of: $0.groups) }
    let best = sets[values.indices.max { values[$0] < values[$1] } ?? 0]
    let rivals = sets.filter { set in
      efficiency.difference(best.groups, from: set.groups, seed: seed).lowerBound <= 0
    }
    let anchor = UniformSet.preferred(among: rivals) ?? best
    func candidate(_ name: String, _ set: [Int]) -> Anchor.Candidate {
      Anchor.Candidate(
        name: name, parameters: set.reduce(0) { $0 + groups[$1].parameterCount },
        efficiency: efficiency.value(of: set),
        advantage: efficiency.difference(set, from: anchor.groups, seed: seed))
    }
    let names = Set(selected.groups.map(\.group.name))
    let chosen = groups.indices.filter { names.contains(groups[$0].name) && !groups[$0].isFixed }
    let choice = Anchor(
      name: anchor.name,
      candidates: sets.map { candidate($0.name, $0.groups) }
        + [candidate(Anchor.selectionName, chosen)])
    var plan = choice.isLeft ? selected : uniformPlan(anchor, budget: budget, bound: selected)
    plan.anchor = choice
    return plan
  }

  private var efficiency: StepEfficiency? { influence.stepEfficiency }
}

extension Influence {
  /// The comparison of sets of groups; nil if interactions were not measured.
  var stepEfficiency: StepEfficiency? {
    interactions.flatMap { interactions in
      StepEfficiency(
        records, interactions: interactions, ridge: influences.map(\.curvatureError))
    }
  }
}
