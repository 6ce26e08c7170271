/// The result of a solver.
public struct KnapsackOutcome: Hashable, Sendable {
  /// The items taken, ascending, including those forced in.
  public let selection: [Int]
  /// The value of the items taken, including those forced in.
  public let value: Double
  /// The weight of the items taken.
  public let weight: Int64
  /// An upper bound on the value of any selection.
  public let upperBound: Double
  /// Whether it is proven that no selection has a greater value, and none of equal value a smaller
  /// weight.
  public let isProvenOptimal: Bool
  /// The solver that found it.
  public let solver: KnapsackSolver
  /// The number of states examined, a measure of the work.
  public let states: Int
  /// The time taken, in seconds.
  public let seconds: Double
}

/// The available solvers. All but `greedy` are exact unless a limit ends them.
public enum KnapsackSolver: String, CaseIterable, Hashable, Sendable {
  /// `core`; if its limit on states ends it and the sizes allow it, `frontier`.
  case automatic
  /// Takes items in order of density, skipping those that do not fit, and compares the result with
  /// the best single item. O(n log n).
  case greedy
  /// Computes the best value for every capacity at once, one class of equal sizes after another.
  /// Suited to few distinct sizes.
  case frontier
  /// Extends the list of undominated selections item by item (Nemhauser & Ullmann 1969).
  case paretoList
  /// Dynamic programming over deviations from the solution of the linear relaxation, starting with
  /// the cheapest (after Pisinger 1997). Suited to one capacity and up to 10⁵ items.
  case core
  /// Enumerates all selections of at most 20 items. An oracle for tests.
  case bruteForce
  /// Enumerates both halves of at most 40 items and combines them (Horowitz & Sahni 1974). An
  /// oracle for tests.
  case meetInTheMiddle
}

/// Limits at which a solver stops. It then returns its best answer so far, with a bound and without
/// a proof.
public struct KnapsackLimits: Hashable, Sendable {
  /// The maximum number of states kept.
  public var states = 20_000_000
  /// The maximum time in seconds.
  public var seconds = 60.0

  /// Creates the default limits.
  public init() {}

  /// The limits of an instance that is one of many similar ones: few states, so that hundreds of
  /// hard instances take seconds. Where they end a search depends on the instance alone.
  package static let oneOfMany = KnapsackLimits(states: 100_000, seconds: 60)

  /// The limits of a check, which needs no optimum.
  package static let check = KnapsackLimits(states: 2_000_000, seconds: 5)

  private init(states: Int, seconds: Double) {
    self.states = states
    self.seconds = seconds
  }
}
