/// Solvers that enumerate all selections, used to check the other solvers.
enum EnumerationSolvers {
  /// The maximum number of selections that are enumerated: that of all choices for brute force, and
  /// of each half of them for meeting in the middle.
  static let limit = 1 << 20

  /// The lightest of the most valuable selections; nil if there are too many choices.
  static func bruteForce(_ problem: KnapsackProblem) -> [KnapsackProblem.Option]? {
    guard count(problem.choices[...]) <= limit else { return nil }
    var best: Subset = Subset(weight: 0, value: 0, options: [])
    enumerate(problem.choices[...]) { subset in
      if subset.weight <= problem.capacity, subset.isBetter(than: best) { best = subset }
    }
    return best.options
  }

  /// The same result from two halves: each selection of the first half is combined with the best
  /// one of the second half that still fits.
  static func meetInTheMiddle(_ problem: KnapsackProblem) -> [KnapsackProblem.Option]? {
    let middle = problem.choices.count / 2
    guard max(count(problem.choices[..<middle]), count(problem.choices[middle...])) <= limit else {
      return nil
    }
    var second: [Subset] = []
    enumerate(problem.choices[middle...]) { second.append($0) }
    second.sort { ($0.weight, $1.value) < ($1.weight, $0.value) }
    var undominated: [Subset] = []
    for subset in second where subset.value > (undominated.last?.value ?? -1) {
      undominated.append(subset)
    }
    var best = Subset(weight: 0, value: 0, options: [])
    enumerate(problem.choices[..<middle]) { first in
      let left = problem.capacity - first.weight
      guard left >= 0 else { return }
      var (low, high) = (0, undominated.count)
      while low < high {
        let probe = (low + high) / 2
        if undominated[probe].weight <= left { low = probe + 1 } else { high = probe }
      }
      guard low > 0 else { return }
      let other = undominated[low - 1]
      let both = Subset(
        weight: first.weight + other.weight, value: first.value + other.value,
        options: first.options + other.options)
      if both.isBetter(than: best) { best = both }
    }
    return best.options
  }

  private struct Subset {
    var weight: Int64
    var value: ExactValue
    var options: [KnapsackProblem.Option]

    func isBetter(than other: Subset) -> Bool {
      (value, other.weight) > (other.value, weight)
    }
  }

  /// The number of selections from these choices, or `Int.max` if it is larger.
  private static func count(_ choices: ArraySlice<KnapsackProblem.Choice>) -> Int {
    choices.reduce(1) { product, choice in
      let (count, overflows) = product.multipliedReportingOverflow(by: choice.count + 1)
      return overflows ? .max : count
    }
  }

  private static func enumerate(
    _ choices: ArraySlice<KnapsackProblem.Choice>, _ visit: (Subset) -> Void
  ) {
    func descend(_ index: Int, _ subset: Subset) {
      guard index < choices.endIndex else { return visit(subset) }
      descend(index + 1, subset)
      for number in 0..<choices[index].count {
        let option = choices[index][number]
        var next = subset
        next.weight += option.weight
        next.value += option.value
        next.options.append(option)
        descend(index + 1, next)
      }
    }
    descend(choices.startIndex, Subset(weight: 0, value: 0, options: []))
  }
}
