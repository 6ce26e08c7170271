import PEFTSelect

extension Planner {
  /// The default within `budget` parameters, or a selection if it is certainly better.
  ///
  /// The default is `UniformSet.preferred` of those that fit: a probe of a model that has hardly
  /// begun to learn does not show which kind of parameters trains best, nor whether fewer do as
  /// well. It does show which groups of one kind lower the loss most, so selections of the same
  /// kind are compared with the default by `StepEfficiency`. Without a uniform set that fits, or if
  /// the probe has no interactions, the plan is that of `interactingPlan`.
  ///
  /// Throws the errors of `interactingPlan`.
  ///
  /// - Parameter seed: determines the resamples.
  public func anchoredPlan(budget: Int, seed: UInt64) throws -> Plan {
    let head = groups.headParameterCount
    let sets = UniformSet.all(of: groups).filter { head + $0.parameterCount <= budget }
    guard let efficiency, let anchor = UniformSet.preferred(among: sets) else {
      return try interactingPlan(budget: budget)
    }
    let selected = try interactingPlan(budget: budget, of: anchor.kind)
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
