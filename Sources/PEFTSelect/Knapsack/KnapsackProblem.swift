/// An instance reduced to what the solvers need.
///
/// Forced items are settled, items that cannot help are removed, and weights are divided by their
/// greatest common divisor. The order does not depend on that of the input.
struct KnapsackProblem {
  /// A choice between nothing and one of several undominated options, whose weights and values are
  /// both strictly ascending.
  struct Choice {
    /// The lightest option.
    let first: Option
    /// The other options; empty for an item that excludes none.
    let others: [Option]

    /// The number of options.
    var count: Int { 1 + others.count }
    /// The heaviest and most valuable option.
    var last: Option { others.last ?? first }
    /// Option `index`, from 0.
    subscript(index: Int) -> Option { index == 0 ? first : others[index - 1] }
  }

  struct Option {
    let weight: Int64
    let value: ExactValue
    /// The index of the option's item in the instance.
    let item: Int
  }

  /// The choices in canonical order: single items by weight, the more valuable first, then choices
  /// among several options.
  let choices: [Choice]
  /// The capacity left after the items forced in, divided like the weights.
  let capacity: Int64
  /// The greatest common divisor of the weights.
  let unit: Int64
  /// The items forced in.
  let forced: [Int]
  private let exact: ExactValues
  private let instance: KnapsackInstance

  /// - Parameter isCapped: whether items heavier than the capacity are dropped.
  init(_ instance: KnapsackInstance, isCapped: Bool = true) {
    self.instance = instance
    let items = instance.items
    forced = items.indices.filter { items[$0].choice == .forcedIn }
    let rest = instance.capacity - forced.reduce(0) { $0 + items[$1].weight }
    let taken = Set(forced.compactMap { items[$0].exclusionClass })
    let free = items.indices.filter { index in
      let item = items[index]
      return item.choice == .free && item.value > 0 && (!isCapped || item.weight <= rest)
        && !(item.exclusionClass.map(taken.contains) ?? false)
    }
    exact = ExactValues(items.map(\.value))
    let integers = exact.integers
    let unit = max(1, free.reduce(0) { Self.divisor($0, items[$1].weight) })
    self.unit = unit
    capacity = rest / unit
    var singles: [Option] = []
    singles.reserveCapacity(free.count)
    var byClass: [Int: [Option]] = [:]
    for index in free where integers[index] > 0 {
      let option = Option(
        weight: unit == 1 ? items[index].weight : items[index].weight / unit,
        value: integers[index], item: index)
      if let exclusionClass = items[index].exclusionClass {
        byClass[exclusionClass, default: []].append(option)
      } else {
        singles.append(option)
      }
    }
    let classes = byClass.values.map(Choice.init)
    singles += classes.lazy.filter { $0.count == 1 }.map(\.first)
    singles.sort { $0.precedes($1) }
    let multiple = classes.filter { $0.count > 1 }.sorted { $0.precedes($1) }
    choices = singles.map { Choice(first: $0, others: []) } + multiple
  }

  /// The outcome of taking `chosen` in addition to the items forced in.
  func outcome(
    _ chosen: [Option], bound: ExactValue?, isProven: Bool, solver: KnapsackSolver, states: Int,
    since start: ContinuousClock.Instant
  ) -> KnapsackOutcome {
    let selection = (forced + chosen.map(\.item)).sorted()
    let fixed = forced.reduce(0) { $0 + exact.integers[$1] }
    let value = fixed + chosen.reduce(0) { $0 + $1.value }
    let upper = isProven ? value : max(value, fixed + (bound ?? value))
    return KnapsackOutcome(
      selection: selection, value: exact.value(value),
      weight: selection.reduce(0) { $0 + instance.items[$1].weight },
      upperBound: isProven ? exact.value(value) : exact.bound(upper), isProvenOptimal: isProven,
      solver: solver, states: states, seconds: (ContinuousClock.now - start) / .seconds(1))
  }

  /// The value of an integer sum plus the items forced in.
  func value(_ sum: ExactValue) -> Double {
    exact.value(forced.reduce(sum) { $0 + exact.integers[$1] })
  }

  private static func divisor(_ first: Int64, _ second: Int64) -> Int64 {
    var (a, b) = (first, second)
    while b != 0 { (a, b) = (b, a % b) }
    return a
  }
}

extension KnapsackProblem.Option {
  /// Orders options by weight, then the more valuable first, then by item.
  fileprivate func precedes(_ other: Self) -> Bool {
    if weight != other.weight { return weight < other.weight }
    if value != other.value { return value > other.value }
    return item < other.item
  }
}

extension KnapsackProblem.Choice {
  /// Creates a choice from `options`, which must not be empty. Keeps an option only if every
  /// lighter option, and every other option of its weight, has a smaller value.
  fileprivate init(_ options: [KnapsackProblem.Option]) {
    var kept: [KnapsackProblem.Option] = []
    for option in options.sorted(by: { $0.precedes($1) })
    where option.value > (kept.last?.value ?? 0) {
      kept.append(option)
    }
    self.init(first: kept[0], others: Array(kept.dropFirst()))
  }

  /// Orders choices by the weights and values of their options, then by the first item.
  fileprivate func precedes(_ other: Self) -> Bool {
    for index in 0..<min(count, other.count) {
      let (mine, theirs) = (self[index], other[index])
      if mine.weight != theirs.weight { return mine.weight < theirs.weight }
      if mine.value != theirs.value { return mine.value > theirs.value }
    }
    return count != other.count ? count < other.count : first.item < other.first.item
  }
}
