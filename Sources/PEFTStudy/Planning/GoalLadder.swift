import PEFTModels
import PEFTNetwork
import PEFTSelect

/// Sets of groups in ascending order of size, among which the smallest that reaches a goal is
/// sought: the head alone, and uniform sets.
public struct GoalLadder: Hashable, Sendable {
  /// A set of groups that trains as a whole, together with the head.
  public struct Rung: Hashable, Sendable {
    /// What trains beside the head, such as `norm` or `lora:4`.
    public let name: String
    /// The indices of the groups, ascending, without the fixed ones.
    public let groups: [Int]
    /// The number of parameters of these groups.
    public let parameterCount: Int

    /// The name of its run, which no method has.
    var label: String { "set \(name)" }
  }

  /// The name of the set without any group.
  public static let headName = "head alone"

  /// The sets, by their numbers of parameters.
  public let rungs: [Rung]

  /// The ladder of the uniform sets of `groups`.
  ///
  /// A set that is certainly less efficient than a smaller one is left out (`StepEfficiency`). Of
  /// sets whose sizes differ by less than a factor of 2, the most efficient stays, so that every
  /// set is at least twice as large as the one before it. Sets that are larger than all of these
  /// stay in any case, as last resorts: a step of them is less efficient, but they can learn more.
  ///
  /// - Parameters:
  ///   - values: the values of the groups, whose sum decides if there is no `efficiency`.
  ///   - efficiency: the comparison of sets; nil if interactions were not measured.
  ///   - seed: determines the resamples.
  public init(
    _ groups: [ParameterGroup], values: [Double], efficiency: StepEfficiency?, seed: UInt64
  ) {
    let head =
      groups.contains(where: \.isFixed)
      ? [Rung(name: Self.headName, groups: [], parameterCount: 0)] : []
    let sets = UniformSet.all(of: groups).sorted { $0.parameterCount < $1.parameterCount }.map {
      Rung(name: $0.name, groups: $0.groups, parameterCount: $0.parameterCount)
    }
    var candidates: [Rung] = []
    for set in sets {
      let isWorse = (head + candidates).contains { smaller in
        smaller.parameterCount < set.parameterCount
          && efficiency.map {
            $0.difference(set.groups, from: smaller.groups, seed: seed).upperBound < 0
          } ?? false
      }
      if !isWorse { candidates.append(set) }
    }
    func worth(_ rung: Rung) -> Double {
      efficiency?.value(of: rung.groups) ?? rung.groups.reduce(0) { $0 + values[$1] }
    }
    var rungs = head
    var rest = candidates[...]
    while let first = rest.first {
      let near = rest.prefix { $0.parameterCount < 2 * first.parameterCount }
      let best = near.max { worth($0) < worth($1) } ?? first
      rungs.append(best)
      rest = rest.drop { $0.parameterCount < 2 * best.parameterCount }
    }
    for set in sets where set.parameterCount >= max(1, 2 * (rungs.last?.parameterCount ?? 0)) {
      rungs.append(set)
    }
    self.rungs = rungs
  }
}

extension Planner {
  /// The sets among which the smallest that reaches a goal is sought.
  ///
  /// - Parameter seed: determines the resamples.
  public func ladder(seed: UInt64) -> GoalLadder {
    GoalLadder(groups, values: values, efficiency: influence.stepEfficiency, seed: seed)
  }

  /// The groups that train with a set: its own and the fixed ones.
  private func chosen(_ rung: GoalLadder.Rung) -> [Int] {
    (rung.groups + groups.indices.filter { groups[$0].isFixed }).sorted()
  }

  /// The method that trains a set of the ladder, the same as that of its plan.
  func method(of rung: GoalLadder.Rung) -> SelectedTuning {
    SelectedTuning(members: chosen(rung).flatMap { groups[$0].members })
  }

  /// The plan that trains a set of the ladder, with what was tried. The budget is the set's own
  /// size, and the bound of its value is the value of all groups.
  func plan(of rung: GoalLadder.Rung, reaching record: GoalRecord) -> Plan {
    let all = Array(groups.indices)
    func sum(_ chosen: [Int]) -> Double {
      chosen.reduce(0) { $0 + (groups[$1].isFixed ? 0 : values[$1]) }
    }
    let chosen = chosen(rung)
    let interaction = interaction(of: chosen, isObjective: true)
    let value = interaction?.value ?? sum(chosen)
    var plan = plan(
      budget: chosen.reduce(0) { $0 + groups[$1].parameterCount }, chosen: chosen, value: value,
      upperBound: max(value, self.interaction(of: all, isObjective: true)?.value ?? sum(all)),
      isProven: false, solver: "smallest set for a goal", interaction: interaction, stability: nil)
    plan.goal = record
    return plan
  }
}
