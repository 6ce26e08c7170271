/// The best value for every capacity at once, for few distinct sizes (Axiotis & Tzamos 2019).
///
/// Of m items of equal size s, the k most valuable are taken, so a size class is a concave function
/// P(k) of their number. Adding it to the function f of the earlier classes gives
///
///     f'(w) = max over 0 ≤ k ≤ m of f(w − k s) + P(k)
///
/// This is a (max, +) convolution with a concave function in each residue of w modulo s. Its
/// maximiser is monotonic in w, so divide and conquer solves a residue of n weights in O(n log n)
/// instead of n². Exclusion classes are added option by option.
///
/// f(w) is the best value of weight *at most* w, in units of the greatest common divisor.
struct SizeClassSolver {
  /// What was added in one step, and how much of it is taken at each capacity.
  private enum Layer {
    /// The items of one size, most valuable first, and the number taken.
    case equal(size: Int, choices: [Int32], counts: [Int32])
    /// One choice, and the option taken, −1 for none.
    case choice(Int, taken: [Int32])
  }

  private let problem: KnapsackProblem
  private var layers: [Layer] = []
  /// f: the best values by capacity, from 0; non-decreasing.
  private(set) var best: [ExactValue] = [0]

  /// The maximum number of counts kept over all layers, which take 1 GiB.
  private static let countLimit = 1 << 28

  /// Returns nil if there are more than `limit` capacities, if the counts for them would take too
  /// much memory, or if the time limit is reached.
  init?(
    _ problem: KnapsackProblem, capacity: Int64?, limit: Int, limits: KnapsackLimits,
    since start: ContinuousClock.Instant
  ) {
    self.problem = problem
    var total = 0
    var bySize: [Int64: [Int32]] = [:]
    var multiple: [Int] = []
    for (index, choice) in problem.choices.enumerated() {
      let heaviest = choice.last.weight
      total += Int(min(heaviest, Int64(limit) + 1))
      if choice.count == 1 {
        bySize[heaviest, default: []].append(Int32(index))
      } else {
        multiple.append(index)
      }
      if total > limit, capacity.map({ $0 > Int64(limit) }) ?? true { return nil }
    }
    let cap = capacity.map { Int(min($0, Int64(total))) } ?? total
    guard cap < limit else { return nil }
    // Canonical order sorts choices by weight, then value, so within a size the most valuable come
    // first.
    var counts = 0
    func isWithinLimits() -> Bool {
      counts += best.count
      return counts <= Self.countLimit
        && (ContinuousClock.now - start) / .seconds(1) <= limits.seconds
    }
    for size in bySize.keys.sorted() {
      add(bySize[size] ?? [], size: Int(size), cap: cap)
      guard isWithinLimits() else { return nil }
    }
    for index in multiple {
      add(index, cap: cap)
      guard isWithinLimits() else { return nil }
    }
  }

  /// The capacities at which the best value increases: the frontier.
  var breakpoints: [Int] {
    best.indices.filter { $0 == 0 || best[$0] > best[$0 - 1] }
  }

  /// The options taken at a capacity.
  func options(at capacity: Int) -> [KnapsackProblem.Option] {
    var result: [KnapsackProblem.Option] = []
    var left = min(capacity, best.count - 1)
    for layer in layers.reversed() {
      switch layer {
      case .equal(let size, let choices, let counts):
        let count = Int(counts[min(left, counts.count - 1)])
        for choice in choices.prefix(count) {
          result.append(problem.choices[Int(choice)].first)
        }
        left -= count * size
      case .choice(let choice, let taken):
        let option = Int(taken[min(left, taken.count - 1)])
        guard option >= 0 else { continue }
        result.append(problem.choices[choice][option])
        left -= Int(problem.choices[choice][option].weight)
      }
    }
    return result
  }

  private mutating func add(_ choices: [Int32], size: Int, cap: Int) {
    var sums: [ExactValue] = [0]
    sums.reserveCapacity(choices.count + 1)
    for choice in choices {
      sums.append(sums[sums.count - 1] + problem.choices[Int(choice)].first.value)
    }
    let count = min(cap, best.count - 1 + choices.count * size) + 1
    var counts = [Int32](repeating: 0, count: count)
    var next = [ExactValue](repeating: 0, count: count)
    best.withUnsafeBufferPointer { old in
      sums.withUnsafeBufferPointer { sums in
        next.withUnsafeMutableBufferPointer { next in
          counts.withUnsafeMutableBufferPointer { counts in
            for residue in 0..<min(size, count) {
              let convolution = ConcaveConvolution(
                old: old, sums: sums, next: next, counts: counts, residue: residue, size: size)
              let last = (count - 1 - residue) / size
              convolution.solve(0, last, from: 0, to: last)
            }
          }
        }
      }
    }
    best = next
    layers.append(.equal(size: size, choices: choices, counts: counts))
  }

  private mutating func add(_ choice: Int, cap: Int) {
    let options = problem.choices[choice]
    let heaviest = Int(options.last.weight)
    let count = min(cap, best.count - 1 + heaviest) + 1
    var next = [ExactValue](repeating: 0, count: count)
    var taken = [Int32](repeating: -1, count: count)
    let last = best.count - 1
    for capacity in 0..<count { next[capacity] = best[min(capacity, last)] }
    for option in 0..<options.count {
      let item = options[option]
      let weight = Int(item.weight)
      guard weight < count else { break }
      for capacity in weight..<count {
        let value = best[min(capacity - weight, last)] + item.value
        if value > next[capacity] {
          next[capacity] = value
          taken[capacity] = Int32(option)
        }
      }
    }
    best = next
    layers.append(.choice(choice, taken: taken))
  }
}

/// One residue of a convolution with a concave function, for the weights residue + i · size.
private struct ConcaveConvolution {
  let old: UnsafeBufferPointer<ExactValue>
  let sums: UnsafeBufferPointer<ExactValue>
  let next: UnsafeMutableBufferPointer<ExactValue>
  let counts: UnsafeMutableBufferPointer<Int32>
  let residue: Int
  let size: Int

  /// Solves for i in first...last. The best number of units left to the earlier classes must lie in
  /// low...high.
  func solve(_ first: Int, _ last: Int, from low: Int, to high: Int) {
    guard first <= last else { return }
    let middle = (first + last) / 2
    var best = (value: ExactValue.min, rest: low)
    // Beyond its end, the old function keeps its last value.
    let end = (old.count - 1 - residue + size - 1) / size
    let from = max(low, middle - (sums.count - 1))
    let to = min(high, middle)
    let top = residue > old.count - 1 ? from : max(from, min(to, max(end, from)))
    for rest in from...max(from, top) {
      let value = old[min(residue + rest * size, old.count - 1)] + sums[middle - rest]
      if value > best.value { best = (value, rest) }
    }
    let index = residue + middle * size
    next[index] = best.value
    counts[index] = Int32(middle - best.rest)
    solve(first, middle - 1, from: low, to: best.rest)
    solve(middle + 1, last, from: best.rest, to: high)
  }
}
