/// The linear relaxation of a knapsack problem with multiple-choice constraints.
///
/// Within a choice, only the options on the upper hull of (weight, value), together with the
/// origin, matter. The optimum takes the steps from one hull option to the next, over all choices
/// in the order of their slopes, until the capacity is full; it takes the last step in part
/// (Dantzig 1957; Sinha & Zoltners 1979).
struct KnapsackRelaxation {
  /// A step from one option of a choice to the next on its hull.
  struct Step {
    let choice: Int
    /// The option to which it leads.
    let option: Int
    let weight: Int64
    let value: ExactValue
  }

  /// All steps, the steepest first.
  let steps: [Step]
  /// The optimum of the relaxation, rounded down. No selection has a greater value.
  let bound: ExactValue
  /// Whether a step did not fit.
  let isFull: Bool
  /// The price of a unit of capacity: 0 if everything fits, otherwise the slope of the first step
  /// that does not fit, rounded down. It is then at least 1, so that of equal values the lighter
  /// one has the greater worth.
  let price: ExactValue

  init(_ problem: KnapsackProblem) {
    var steps: [Step] = []
    steps.reserveCapacity(problem.choices.count)
    for (index, choice) in problem.choices.enumerated() {
      Self.appendHull(of: choice, index, to: &steps)
    }
    steps.sort { first, second in
      let (left, right) = (
        first.value.multipliedFullWidth(by: ExactValue(second.weight)),
        second.value.multipliedFullWidth(by: ExactValue(first.weight))
      )
      if left.high != right.high { return left.high > right.high }
      if left.low != right.low { return left.low > right.low }
      return (first.choice, first.option) < (second.choice, second.option)
    }
    self.steps = steps
    var left = problem.capacity
    var sum: ExactValue = 0
    var price: ExactValue = 0
    for step in steps {
      if step.weight <= left {
        left -= step.weight
        sum += step.value
      } else {
        let weight = ExactValue(step.weight)
        let slope = step.value / weight
        sum += slope * ExactValue(left) + (step.value % weight) * ExactValue(left) / weight
        price = max(1, slope)
        break
      }
    }
    bound = sum
    isFull = price > 0
    self.price = price
  }

  private static func appendHull(
    of choice: KnapsackProblem.Choice, _ index: Int, to steps: inout [Step]
  ) {
    if choice.count == 1 {
      let option = choice.first
      steps.append(Step(choice: index, option: 0, weight: option.weight, value: option.value))
      return
    }
    var hull: [(option: Int, weight: Int64, value: ExactValue)] = [(-1, 0, 0)]
    for position in 0..<choice.count {
      let option = choice[position]
      while hull.count > 1 {
        let (last, before) = (hull[hull.count - 1], hull[hull.count - 2])
        let rising = (last.value - before.value).multipliedFullWidth(
          by: ExactValue(option.weight - last.weight))
        let next = (option.value - last.value).multipliedFullWidth(
          by: ExactValue(last.weight - before.weight))
        guard (next.high, next.low) >= (rising.high, rising.low) else { break }
        hull.removeLast()
      }
      hull.append((position, option.weight, option.value))
    }
    for (before, after) in zip(hull, hull.dropFirst()) {
      steps.append(
        Step(
          choice: index, option: after.option, weight: after.weight - before.weight,
          value: after.value - before.value))
    }
  }
}
