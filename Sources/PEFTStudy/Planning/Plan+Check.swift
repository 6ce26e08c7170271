import PEFTSelect
import PEFTTensor

/// An inconsistency in a plan.
public struct PlanFault: Error, Hashable, Sendable, CustomStringConvertible {
  /// The inconsistency, with both numbers.
  public let description: String
}

extension Plan {
  /// The result of a successful `check`.
  public struct Verification: Hashable, Sendable {
    /// The recomputed number of trainable parameters.
    public let weight: Int
    /// The recomputed value.
    public let value: Double
    /// A recomputed bound, from fractions of items.
    public let fractionalBound: Double
    /// The best value found by solving again, within limits; nil if the selection was made for
    /// another objective.
    public let bestValue: Double?
  }

  /// Recomputes weight, value and bound from the items alone, within seconds: of items that are
  /// hard to solve, the selection is compared with a good one in place of the best.
  ///
  /// Throws for a group that is not an item or has another size, a missing fixed item, two items of
  /// one class, an incorrect sum of weights or values, a weight above the budget, a value above the
  /// bound, and a bound or a proof that a better selection disproves.
  public func check() throws -> Verification {
    let byName = try uniqueItems()
    let chosen = try chosenItems(byName)
    try checkRules(chosen)
    let weight = chosen.reduce(0) { $0 + $1.parameters }
    try hold(weight == self.weight, "its groups have \(weight) parameters, it says \(self.weight)")
    try hold(weight <= budget, "its groups have \(weight) parameters, the budget is \(budget)")
    if let goal {
      try hold(
        weight == goal.chosenCount,
        "its groups have \(weight) parameters, the set \(goal.chosen.name) of its goal "
          + "\(goal.chosenCount)")
    }
    let sum = chosen.reduce(0) { $0 + ($1.isFixed ? 0 : $1.value) }
    let tolerance = 1e-9 * max(sum, .leastNormalMagnitude)
    let bound = fractionalBound
    guard interaction?.isObjective != true else {
      return Verification(weight: weight, value: sum, fractionalBound: bound, bestValue: nil)
    }
    try hold(abs(sum - value) <= tolerance, "its values add up to \(sum), it says \(value)")
    try hold(value <= upperBound + tolerance, "its value \(value) is above its bound \(upperBound)")
    let best = try KnapsackInstance(
      items: items.map {
        KnapsackItem(
          weight: Int64($0.parameters), value: $0.isFixed ? 0 : $0.value,
          exclusionClass: $0.exclusionClass, choice: $0.isFixed ? .forcedIn : .free)
      }, capacity: Int64(budget)
    ).solve(using: .automatic, limits: .check)
    try hold(
      best.value <= upperBound + tolerance,
      "a choice of value \(best.value) is above its bound \(upperBound)")
    try hold(
      !isProven || best.value <= value + tolerance,
      "it claims the best value, \(value), but \(best.value) is possible")
    return Verification(
      weight: weight, value: sum, fractionalBound: bound, bestValue: best.value)
  }

  /// Does what `check()` does; its errors name the file at `path` from which the plan was read.
  public func check(_ path: String) throws -> Verification {
    do {
      return try check()
    } catch let fault as PlanFault {
      throw PlanFault(description: "\(path): \(fault)")
    } catch let error as KnapsackError {
      throw FileError(
        .malformed, path: path, place: "items", reason: "\(error)", remedy: "select again")
    }
  }

  private func uniqueItems() throws -> [String: Item] {
    var byName: [String: Item] = [:]
    for item in items {
      try hold(
        byName.updateValue(item, forKey: item.name) == nil, "two items are called \(item.name)")
    }
    return byName
  }

  private func chosenItems(_ byName: [String: Item]) throws -> [Item] {
    try hold(
      Set(groups.map(\.group.name)).count == groups.count, "a group is chosen twice")
    return try groups.map { group in
      guard let item = byName[group.group.name] else {
        throw PlanFault(description: "the group \(group.group.name) is not one of its items")
      }
      try hold(
        item.parameters == group.group.parameterCount,
        "the group \(item.name) has \(group.group.parameterCount) parameters, its item "
          + "\(item.parameters)")
      return item
    }
  }

  private func checkRules(_ chosen: [Item]) throws {
    let names = Set(chosen.map(\.name))
    if let missing = items.first(where: { $0.isFixed && !names.contains($0.name) }) {
      throw PlanFault(description: "the fixed group \(missing.name) is not chosen")
    }
    var classes: [Int: String] = [:]
    for item in chosen {
      guard let exclusionClass = item.exclusionClass else { continue }
      if let other = classes.updateValue(item.name, forKey: exclusionClass) {
        throw PlanFault(description: "\(other) and \(item.name) exclude each other")
      }
    }
  }

  /// Dantzig's bound, ignoring exclusions: items in order of density until the budget is full, the
  /// last one fractionally.
  private var fractionalBound: Double {
    var left = Double(budget - items.reduce(0) { $0 + ($1.isFixed ? $1.parameters : 0) })
    var bound = 0.0
    let free = items.filter { !$0.isFixed }.sorted {
      $0.value / Double($0.parameters) > $1.value / Double($1.parameters)
    }
    for item in free {
      let part = min(1, max(0, left / Double(item.parameters)))
      bound += part * item.value
      left -= part * Double(item.parameters)
    }
    return bound
  }

  private func hold(_ condition: Bool, _ fault: @autoclosure () -> String) throws {
    if !condition { throw PlanFault(description: fault()) }
  }
}
