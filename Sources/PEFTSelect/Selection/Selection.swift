import PEFTNetwork

/// The groups selected for training under a budget.
public struct Selection: Sendable {
  /// The groups from which it was selected.
  public let groups: [ParameterGroup]
  /// The value of each group.
  public let values: [Double]
  /// The limit on the number of trained parameters, including those of the fixed groups.
  public let budget: Int
  /// The solver's answer: the indices of the selected groups, including the fixed ones, ascending.
  public let outcome: KnapsackOutcome

  /// Selects the groups of the greatest total value whose parameters fit into `budget`, and among
  /// equals the smallest.
  ///
  /// The head is forced in: its size counts, its value does not. Throws if the budget cannot hold
  /// the head and one more group, or if it holds everything.
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

  /// The selected groups.
  public var chosen: [ParameterGroup] { outcome.selection.map { groups[$0] } }

  /// The groups as knapsack items, with the head forced in at value 0.
  public static func items(_ groups: [ParameterGroup], values: [Double]) -> [KnapsackItem] {
    zip(groups, values).map { group, value in
      KnapsackItem(
        weight: Int64(group.parameterCount), value: group.isFixed ? 0 : value,
        exclusionClass: group.exclusionClass, choice: group.isFixed ? .forcedIn : .free)
    }
  }

  /// Throws if `budget` cannot hold the head and one more group, or if it holds everything.
  public static func check(_ budget: Int, for groups: [ParameterGroup]) throws(SelectionError) {
    let fixed = groups.headParameterCount
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
  /// The number of parameters of the model itself, |W|. Adapters are not counted, because they are
  /// added to the model.
  public var modelParameterCount: Int {
    reduce(0) { $0 + ($1.kind == .adapter ? 0 : $1.parameterCount) }
  }

  /// The number of parameters that always train.
  public var headParameterCount: Int { reduce(0) { $0 + ($1.isFixed ? $1.parameterCount : 0) } }
}

/// An error about a budget under which nothing can be selected. The message contains the numbers.
public struct SelectionError: Error, Hashable, Sendable, CustomStringConvertible {
  /// A description of what is wrong and what would be valid.
  public let description: String

  /// Creates an error with this message.
  public init(description: String) { self.description = description }
}
