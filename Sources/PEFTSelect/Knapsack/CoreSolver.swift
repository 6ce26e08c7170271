/// Dynamic programming over deviations from the relaxed solution.
///
/// At a price λ for each unit of capacity, option o has the worth v_o − λ w_o, and taking nothing
/// has the worth 0. Initially every choice takes its option of greatest worth. The value of any
/// selection is at most L = Σ v + λ (c − Σ w), and moving a choice from its best option to another
/// lowers L by the difference of their worths. Choices are decided in the order of the smallest
/// such loss, so those near the price, the *core*, come first. A state holds the decided choices,
/// with all others at their best. It is dropped if another state has no greater weight and no
/// smaller value, or if its L does not exceed the best value found. Once the next loss alone lowers
/// every L to that value, the best solution found is optimal.
///
/// Of two solutions of equal value the lighter has the greater L, so the lightest optimal solution
/// is found.
struct CoreSolver {
  private struct State {
    var weight: Int64
    var value: ExactValue
    /// The index of the last deviation that led to this state; −1 for the initial state.
    var node: Int32
  }

  /// A deviation: `choice` takes `option`, where −1 means nothing.
  private struct Deviation {
    let parent: Int32
    let choice: Int32
    let option: Int32
  }

  struct Result {
    let options: [KnapsackProblem.Option]
    let isProven: Bool
    let bound: ExactValue
    let states: Int
  }

  private let problem: KnapsackProblem
  private let price: ExactValue
  private let base: [Int32]
  private let order: [Int32]
  private let losses: [ExactValue]
  private var deviations: [Deviation] = []
  private var best: (value: ExactValue, weight: Int64, node: Int32?)
  private let incumbent: [KnapsackProblem.Option]
  private var count = 0

  /// Solves the problem, starting from the solution `incumbent`.
  static func solve(
    _ problem: KnapsackProblem, _ relaxation: KnapsackRelaxation,
    incumbent: [KnapsackProblem.Option], limits: KnapsackLimits,
    since start: ContinuousClock.Instant
  ) -> Result {
    var solver = CoreSolver(problem, price: relaxation.price, incumbent: incumbent)
    return solver.run(bound: relaxation.bound, limits: limits, since: start)
  }

  private init(
    _ problem: KnapsackProblem, price: ExactValue, incumbent: [KnapsackProblem.Option]
  ) {
    self.problem = problem
    self.price = price
    self.incumbent = incumbent
    best = (
      incumbent.reduce(0) { $0 + $1.value }, incumbent.reduce(0) { $0 + $1.weight }, nil
    )
    var base: [Int32] = []
    var losses: [ExactValue] = []
    for choice in problem.choices {
      var top: (option: Int32, worth: ExactValue) = (-1, 0)
      var second = ExactValue.min
      for option in 0..<choice.count {
        let item = choice[option]
        let worth = item.value - price * ExactValue(item.weight)
        if worth > top.worth {
          second = top.worth
          top = (Int32(option), worth)
        } else {
          second = max(second, worth)
        }
      }
      base.append(top.option)
      losses.append(top.worth - second)
    }
    self.base = base
    self.losses = losses
    order = losses.indices.map(Int32.init).sorted { first, second in
      (losses[Int(first)], first) < (losses[Int(second)], second)
    }
  }

  private func limit(_ state: State) -> ExactValue {
    state.value + price * ExactValue(problem.capacity - state.weight)
  }

  private mutating func run(
    bound: ExactValue, limits: KnapsackLimits, since start: ContinuousClock.Instant
  ) -> Result {
    var first = State(weight: 0, value: 0, node: -1)
    for (choice, option) in zip(problem.choices, base) where option >= 0 {
      first.weight += choice[Int(option)].weight
      first.value += choice[Int(option)].value
    }
    var states = [first]
    consider(first)
    var isProven = true
    for choice in order {
      // No state can reach more than its limit minus the loss of the next undecided choice.
      let top = states.lazy.map(limit).max() ?? 0
      if states.isEmpty || top - losses[Int(choice)] <= best.value { break }
      let isLate = (ContinuousClock.now - start) / .seconds(1) > limits.seconds
      if isLate || deviations.count > min(limits.states, Int(Int32.max) - 2 * states.count) {
        isProven = false
        break
      }
      states = extended(states, by: Int(choice))
      count += states.count
    }
    let top = states.lazy.map(limit).max() ?? best.value
    return Result(
      options: options(), isProven: isProven, bound: min(bound, max(best.value, top)),
      states: count)
  }

  /// The states after deciding `choice`: each unchanged, and moved to each other option.
  private mutating func extended(_ states: [State], by choice: Int) -> [State] {
    let options = problem.choices[choice]
    let current = base[choice] < 0 ? nil : options[Int(base[choice])]
    var result = states
    for option in -1..<options.count where option != Int(base[choice]) {
      let target = option < 0 ? nil : options[option]
      let weight = (target?.weight ?? 0) - (current?.weight ?? 0)
      let value = (target?.value ?? 0) - (current?.value ?? 0)
      result = merged(
        result, states, movedBy: weight, value, choice: Int32(choice), option: Int32(option))
    }
    return result
  }

  /// Merges two lists in ascending order of weight and value, with the second one shifted. Drops
  /// states that are dominated or cannot exceed the best value.
  private mutating func merged(
    _ first: [State], _ second: [State], movedBy weight: Int64, _ value: ExactValue, choice: Int32,
    option: Int32
  ) -> [State] {
    var result: [State] = []
    result.reserveCapacity(first.count + second.count)
    var (left, right) = (0, 0)
    var last: ExactValue?
    while left < first.count || right < second.count {
      let takesLeft =
        right == second.count
        || (left < first.count
          && (first[left].weight, second[right].value + value)
            <= (second[right].weight + weight, first[left].value))
      var state: State
      if takesLeft {
        state = first[left]
        left += 1
      } else {
        state = second[right]
        right += 1
        state.weight += weight
        state.value += value
      }
      if let last, state.value <= last { continue }
      guard limit(state) > best.value else { continue }
      if !takesLeft {
        deviations.append(Deviation(parent: state.node, choice: choice, option: option))
        state.node = Int32(deviations.count - 1)
        consider(state)
      }
      last = state.value
      result.append(state)
    }
    return result
  }

  private mutating func consider(_ state: State) {
    guard state.weight <= problem.capacity else { return }
    if (state.value, best.weight) > (best.value, state.weight) {
      best = (state.value, state.weight, state.node)
    }
  }

  private func options() -> [KnapsackProblem.Option] {
    guard let node = best.node else { return incumbent }
    var taken = base
    var decided: Set<Int32> = []
    var next = node
    while next >= 0 {
      let deviation = deviations[Int(next)]
      if decided.insert(deviation.choice).inserted {
        taken[Int(deviation.choice)] = deviation.option
      }
      next = deviation.parent
    }
    return taken.enumerated().compactMap { choice, option in
      option < 0 ? nil : problem.choices[choice][Int(option)]
    }
  }
}
