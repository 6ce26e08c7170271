/// What a solver found.
public struct KnapsackOutcome: Hashable, Sendable {
  /// The items taken, ascending, those forced in included.
  public let selection: [Int]
  /// Their value, those forced in included.
  public let value: Double
  /// Their weight.
  public let weight: Int64
  /// No choice has a greater value.
  public let upperBound: Double
  /// Whether no choice has a greater value than this one, nor an equal one a smaller weight.
  public let isProvenOptimal: Bool
  /// The solver that found it.
  public let solver: KnapsackSolver
  /// States looked at, a measure of the work.
  public let states: Int
  /// Seconds it took.
  public let seconds: Double
}

/// The ways to solve. All but `greedy` are exact unless a limit ends them.
public enum KnapsackSolver: String, CaseIterable, Hashable, Sendable {
  /// `core`; where a limit on states ends that and the sizes allow it, `frontier`.
  case automatic
  /// By density, skipping what does not fit, against the best single item. O(n log n).
  case greedy
  /// The best value for every capacity at once, class of equal sizes by class;
  /// for few distinct sizes.
  case frontier
  /// The list of undominated choices, item by item (Nemhauser & Ullmann 1969).
  case paretoList
  /// Dynamic programming over deviations from the solution of the linear relaxation, the least
  /// costly first (after Pisinger 1997); for one capacity and up to 10⁵ items.
  case core
  /// All choices; at most 20 items. An oracle.
  case bruteForce
  /// Two halves, each by all choices (Horowitz & Sahni 1974); at most 40 items. An oracle.
  case meetInTheMiddle
}

/// Where a solver is to stop. It then returns the best it has, with its bound and without a proof.
public struct KnapsackLimits: Hashable, Sendable {
  /// The most states kept.
  public var states = 20_000_000
  /// The most seconds.
  public var seconds = 60.0

  /// The defaults.
  public init() {}
}
