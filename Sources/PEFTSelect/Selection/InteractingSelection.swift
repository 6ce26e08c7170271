/// Selects the subset of the greatest value under a budget, taking interactions into account.
public struct InteractingSelection: Sendable {
  /// The result of a selection.
  public struct Outcome: Hashable, Sendable {
    /// The indices of the selected groups, ascending, without the fixed ones.
    public let selection: [Int]
    /// V(S).
    public let value: Double
    /// Σ b² / 2a over the selected groups.
    public let additiveValue: Double
    /// The weight of the selected groups.
    public let weight: Int64
    /// Whether all subsets were examined.
    public let isProven: Bool
    /// The number of subsets examined.
    public let states: Int
  }

  /// The maximum number of free groups for which every subset is examined.
  public static let enumerationLimit = 20

  /// The maximum number of free groups for which a greedy selection is improved.
  private static let improvementLimit = 200

  /// The most work of an improvement, in elements of a matrix that are updated.
  private static let workLimit = 4_000_000_000

  /// The maximum number of selected groups for which removing every pair is tried.
  private static let pairLimit = 16

  private let model: InteractionModel
  private let weights: [Int64]
  private let classes: [Int?]
  private let capacity: Int64
  private let free: [Int]

  /// - Parameters:
  ///   - weights: the weight of each group, positive.
  ///   - classes: groups of one class exclude each other.
  ///   - excluded: groups that must not be selected, such as the fixed ones. `capacity` must not
  ///     include their weight.
  ///
  /// Groups with a slope of zero or below are left out, because a step along their direction does
  /// not lower the loss.
  public init(
    _ model: InteractionModel, weights: [Int64], classes: [Int?], excluded: Set<Int>,
    capacity: Int64
  ) {
    precondition(
      weights.count == model.count && classes.count == model.count,
      "InteractingSelection: \(weights.count) weights, \(classes.count) classes for \(model.count)")
    self.model = model
    self.weights = weights
    self.classes = classes
    self.capacity = capacity
    free = (0..<model.count).filter {
      !excluded.contains($0) && model.slopes[$0] > 0 && weights[$0] <= capacity
    }
  }

  /// Returns the best subset if there are few groups, and otherwise a good one.
  ///
  /// With many groups, it fills greedily by value gained for each parameter, starting from each
  /// group in turn. The best of these subsets is improved by removing one or two groups, adding
  /// another and filling again, until nothing helps or a limit on the work ends it. With very many
  /// groups it only fills from the empty set. Among equal values, enumeration takes the lighter
  /// subset, then the first in order.
  public func solve() -> Outcome {
    free.count <= Self.enumerationLimit ? enumerate() : improve()
  }

  private func outcome(_ subset: [Int], isProven: Bool, states: Int) -> Outcome {
    let selection = subset.sorted()
    return Outcome(
      selection: selection, value: model.value(of: selection),
      additiveValue: model.additiveValue(of: selection),
      weight: selection.reduce(0) { $0 + weights[$1] }, isProven: isProven, states: states)
  }

  private func excludes(_ group: Int, _ subset: [Int]) -> Bool {
    guard let own = classes[group] else { return false }
    return subset.contains { classes[$0] == own }
  }

  // MARK: All subsets

  /// Searches depth first. Each added group adds a row to the Cholesky factor, so a subset of size
  /// s costs O(s²).
  private func enumerate() -> Outcome {
    var search = Search(selection: self)
    search.descend(0, left: capacity)
    return outcome(search.best.subset, isProven: true, states: search.states)
  }

  private struct Search {
    let selection: InteractingSelection
    var best: (value: Double, weight: Int64, subset: [Int]) = (0, 0, [])
    var states = 0
    private var chosen: [Int] = []
    private var factor: [[Double]] = []
    private var steps: [Double] = []
    private var value = 0.0

    init(selection: InteractingSelection) { self.selection = selection }

    mutating func descend(_ position: Int, left: Int64) {
      states += 1
      let weight = selection.capacity - left
      let isBetter =
        value > best.value * (1 + 1e-12)
        || (value >= best.value * (1 - 1e-12) && weight < best.weight)
      if isBetter { best = (value, weight, chosen) }
      for next in position..<selection.free.count {
        let group = selection.free[next]
        guard selection.weights[group] <= left, !selection.excludes(group, chosen),
          append(group)
        else { continue }
        descend(next + 1, left: left - selection.weights[group])
        removeLast()
      }
    }

    /// Appends a group to the factor. With L the factor and y = L⁻¹ b, V = ½ ‖y‖², so a new row
    /// adds one term.
    private mutating func append(_ group: Int) -> Bool {
      let model = selection.model
      var row: [Double] = []
      row.reserveCapacity(chosen.count + 1)
      var square = model[group, group]
      var projected = model.slopes[group]
      for (index, other) in chosen.enumerated() {
        var entry = model[group, other]
        for column in 0..<index { entry -= row[column] * factor[index][column] }
        entry /= factor[index][index]
        row.append(entry)
        square -= entry * entry
        projected -= entry * steps[index]
      }
      guard square > 1e-12 * model[group, group], square > 0 else { return false }
      row.append(square.squareRoot())
      chosen.append(group)
      factor.append(row)
      steps.append(projected / square.squareRoot())
      value += 0.5 * projected * projected / square
      return true
    }

    private mutating func removeLast() {
      let last = steps.removeLast()
      value -= 0.5 * last * last
      chosen.removeLast()
      factor.removeLast()
    }
  }

  // MARK: Greedy and swaps

  private func improve() -> Outcome {
    var states = 0
    var starts = [
      fill([], byDensity: true, &states), fill([], byDensity: false, &states),
    ]
    let isSmall = free.count <= Self.improvementLimit
    if isSmall { starts += free.map { fill([$0], byDensity: true, &states) } }
    var best: [Int] = []
    var value = 0.0
    for start in starts where model.value(of: start) > value {
      (best, value) = (start, model.value(of: start))
    }
    var hasImproved = isSmall
    var work = 0
    while hasImproved {
      hasImproved = false
      for neighbour in neighbours(of: best) where work < Self.workLimit {
        let candidate = fill(neighbour, byDensity: true, &states)
        work += (1 + candidate.count) * model.count * model.count
        let other = model.value(of: candidate)
        if other > value * (1 + 1e-9) {
          (best, value, hasImproved) = (candidate, other, true)
          break
        }
      }
    }
    return outcome(best, isProven: false, states: states)
  }

  /// Adds to `start` the group of the greatest gain until nothing fits.
  ///
  /// The gain of group k given S is ½ (b − A_kS η_S)² / (a_k − A_kS A_SS⁻¹ A_Sk), from the
  /// remaining slope and curvature by Schur's complement, which is updated as S grows.
  private func fill(_ start: [Int], byDensity: Bool, _ states: inout Int) -> [Int] {
    var slopes = model.slopes
    var rest = model.matrix
    let count = model.count
    var chosen: [Int] = []
    var left = capacity
    func take(_ group: Int) {
      let pivot = rest[group * count + group]
      let slope = slopes[group]
      let pivotRow = Array(rest[group * count..<(group + 1) * count])
      for row in 0..<count where pivotRow[row] != 0 {
        let factor = pivotRow[row] / pivot
        slopes[row] -= factor * slope
        for other in 0..<count { rest[row * count + other] -= factor * pivotRow[other] }
      }
      chosen.append(group)
      left -= weights[group]
    }
    func isIndependent(_ group: Int) -> Bool {
      let curvature = rest[group * count + group]
      return curvature > 1e-12 * model[group, group] && curvature > 0
    }
    for group in start where isIndependent(group) { take(group) }
    while true {
      var best: (group: Int, score: Double)?
      for group in free
      where weights[group] <= left && !chosen.contains(group) && !excludes(group, chosen)
        && isIndependent(group)
      {
        states += 1
        let gain = 0.5 * slopes[group] * slopes[group] / rest[group * count + group]
        let score = byDensity ? gain / Double(weights[group]) : gain
        if score > best?.score ?? 0 { best = (group, score) }
      }
      guard let best else { return chosen }
      take(best.group)
    }
  }

  /// Subsets with one group removed, or with one exchanged for another, that fit.
  private func neighbours(of subset: [Int]) -> [[Int]] {
    let weight = subset.reduce(0) { $0 + weights[$1] }
    let outside = free.filter { !subset.contains($0) }
    var result: [[Int]] = []
    for leaving in subset {
      let others = subset.filter { $0 != leaving }
      for group in outside
      where weight - weights[leaving] + weights[group] <= capacity && !excludes(group, others) {
        result.append(others + [group])
      }
    }
    // A heavier group may need two others to be removed. This is not tried if there would be too
    // many pairs.
    guard subset.count <= Self.pairLimit else { return result }
    for (position, first) in subset.enumerated() {
      for second in subset[(position + 1)...] {
        let others = subset.filter { $0 != first && $0 != second }
        let rest = weight - weights[first] - weights[second]
        for group in outside where rest + weights[group] <= capacity && !excludes(group, others) {
          result.append(others + [group])
        }
      }
    }
    return result
  }
}
