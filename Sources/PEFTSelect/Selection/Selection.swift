import PEFTNetwork

/// Which groups train under a budget.
public struct Selection: Sendable {
  /// The groups it was chosen from.
  public let groups: [ParameterGroup]
  /// The value of each.
  public let values: [Double]
  /// The limit on the parameters that train, the fixed groups' included.
  public let budget: Int
  /// The solver's answer: positions of groups, the fixed ones included, ascending.
  public let outcome: KnapsackOutcome

  /// Chooses the groups of the greatest total value whose parameters fit into `budget`; among
  /// equals the smallest.
  ///
  /// The head is fixed in: its size counts, its value does not. Throws where the budget cannot hold
  /// the head and one group more, and where it holds everything.
  public static func solve(
    _ groups: [ParameterGroup], values: [Double], budget: Int,
    using solver: KnapsackSolver = .automatic, limits: KnapsackLimits = KnapsackLimits()
  ) throws -> Selection {
    precondition(
      groups.count == values.count, "Selection: \(groups.count) groups, \(values.count) values")
    try check(budget, for: groups)
    let instance = try KnapsackInstance(
      items: items(groups, values: values), capacity: Int64(budget))
    return Selection(
      groups: groups, values: values, budget: budget,
      outcome: instance.solve(using: solver, limits: limits))
  }

  /// The chosen groups.
  public var chosen: [ParameterGroup] { outcome.selection.map { groups[$0] } }

  /// The groups as items of a knapsack: the head forced in, with the value 0.
  public static func items(_ groups: [ParameterGroup], values: [Double]) -> [KnapsackItem] {
    zip(groups, values).map { group, value in
      KnapsackItem(
        weight: Int64(group.parameterCount), value: group.isFixed ? 0 : value,
        exclusionClass: group.exclusionClass, choice: group.isFixed ? .forcedIn : .free)
    }
  }

  /// Throws where `budget` cannot hold the head and one group more, and where it holds everything.
  public static func check(_ budget: Int, for groups: [ParameterGroup]) throws(SelectionError) {
    let fixed = groups.filter(\.isFixed).reduce(0) { $0 + $1.parameterCount }
    let total = groups.modelParameterCount
    guard
      let smallest = groups.filter({ !$0.isFixed }).min(by: {
        $0.parameterCount < $1.parameterCount
      })
    else {
      throw SelectionError(description: "there is no group to choose")
    }
    guard budget >= fixed + smallest.parameterCount else {
      throw SelectionError(
        description: "a budget of \(budget) parameters cannot hold the head (\(fixed)) and the "
          + "smallest group (\(smallest.name), \(smallest.parameterCount)); give at least "
          + "\(fixed + smallest.parameterCount), or group more finely")
    }
    guard budget <= total else {
      throw SelectionError(
        description: "a budget of \(budget) parameters is above all \(total) of the model; "
          + "there is nothing to choose: train with `method` full")
    }
  }
}

extension [ParameterGroup] {
  /// The number of parameters of the model itself, |W|: adapters are additions to it.
  public var modelParameterCount: Int {
    reduce(0) { $0 + ($1.kind == .adapter ? 0 : $1.parameterCount) }
  }
}

/// A budget under which nothing can be chosen. The message has the numbers.
public struct SelectionError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What is wrong and what would be right.
  public let description: String

  /// An error with this message.
  public init(description: String) { self.description = description }
}
