/// Takes steps in order of density, skipping those that do not fit, and compares the result with
/// the best single option.
struct GreedySolver {
  /// Returns the options taken.
  static func solve(
    _ problem: KnapsackProblem, _ relaxation: KnapsackRelaxation
  ) -> [KnapsackProblem.Option] {
    var taken = [Int](repeating: -1, count: problem.choices.count)
    var left = problem.capacity
    var sum: ExactValue = 0
    for step in relaxation.steps {
      let options = problem.choices[step.choice]
      let current = taken[step.choice] < 0 ? nil : options[taken[step.choice]]
      let weight = options[step.option].weight - (current?.weight ?? 0)
      guard weight <= left else { continue }
      left -= weight
      sum += options[step.option].value - (current?.value ?? 0)
      taken[step.choice] = step.option
    }
    let single = problem.choices.lazy.flatMap { choice in
      (0..<choice.count).lazy.map { choice[$0] }
    }.filter { $0.weight <= problem.capacity }
      .max { ($0.value, $1.weight) < ($1.value, $0.weight) }
    if let single, single.value > sum { return [single] }
    return taken.enumerated().compactMap { choice, option in
      option < 0 ? nil : problem.choices[choice][option]
    }
  }
}
