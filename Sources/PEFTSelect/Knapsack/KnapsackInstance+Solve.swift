extension KnapsackInstance {
  /// Returns the selection of greatest value within the capacity, and of those the lightest.
  ///
  /// The answer does not depend on the order of the items, except that among identical items the
  /// first ones are taken. Scaling all values by a power of two, or all weights by a whole number,
  /// does not change it. If a solver cannot handle the instance (an oracle beyond its size,
  /// `frontier` beyond its limits of capacities, memory or time), it returns the greedy answer with
  /// its bound and no proof. A solver that a limit ends returns its best answer so far in the same
  /// way.
  public func solve(
    using solver: KnapsackSolver = .automatic, limits: KnapsackLimits = KnapsackLimits()
  ) -> KnapsackOutcome {
    let start = ContinuousClock.now
    let problem = KnapsackProblem(self)
    let relaxation = KnapsackRelaxation(problem)
    let greedy = GreedySolver.solve(problem, relaxation)
    func outcome(
      _ options: [KnapsackProblem.Option]?, _ used: KnapsackSolver, isProven: Bool = true,
      bound: ExactValue? = nil, states: Int = 0
    ) -> KnapsackOutcome {
      guard let options else { return outcome(greedy, .greedy, isProven: false) }
      return problem.outcome(
        options, bound: bound ?? relaxation.bound, isProven: isProven, solver: used,
        states: states, since: start)
    }
    switch solver {
    case .greedy:
      // Everything that could add value was taken.
      return outcome(greedy, .greedy, isProven: !relaxation.isFull, states: greedy.count)
    case .bruteForce: return outcome(EnumerationSolvers.bruteForce(problem), .bruteForce)
    case .meetInTheMiddle:
      return outcome(EnumerationSolvers.meetInTheMiddle(problem), .meetInTheMiddle)
    case .frontier:
      let dense = SizeClassSolver(
        problem, capacity: problem.capacity, limit: Self.denseLimit, limits: limits, since: start)
      return outcome(dense?.bestOptions, .frontier, states: dense?.best.count ?? 0)
    case .paretoList:
      let list = ParetoSolver(
        problem, capacity: problem.capacity, limits: limits, since: start)
      let options = list.points.last.map(list.options)
      guard list.isComplete else {
        let value = options?.reduce(0) { $0 + $1.value } ?? 0
        let isBetter = value > greedy.reduce(0) { $0 + $1.value }
        return outcome(
          isBetter ? options : greedy, .paretoList, isProven: false, states: list.states)
      }
      return outcome(options, .paretoList, states: list.states)
    case .core, .automatic:
      let core = CoreSolver.solve(
        problem, relaxation, incumbent: greedy, limits: limits, since: start)
      if !core.isProven, solver == .automatic,
        (ContinuousClock.now - start) / .seconds(1) < limits.seconds,
        let dense = SizeClassSolver(
          problem, capacity: problem.capacity, limit: min(limits.states, Self.denseLimit),
          limits: limits, since: start)
      {
        return outcome(dense.bestOptions, .frontier, states: core.states + dense.best.count)
      }
      return outcome(
        core.options, .core, isProven: core.isProven, bound: core.bound, states: core.states)
    }
  }
}

extension SizeClassSolver {
  /// The options of the greatest value, at the smallest capacity that reaches it.
  var bestOptions: [KnapsackProblem.Option] {
    let top = best[best.count - 1]
    return options(at: best.firstIndex(of: top) ?? best.count - 1)
  }
}
