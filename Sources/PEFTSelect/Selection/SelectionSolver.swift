/// How a budget is filled.
public enum SelectionSolver: String, CaseIterable, Hashable, Sendable {
  /// The knapsack, solved exactly.
  case exact
  /// By value for each parameter, skipping what does not fit, against the best single group.
  case greedy
  /// By value for each parameter, up to the first group that does not fit (the paper's).
  case prefix
  /// By what the chosen groups remove together.
  case interacting
  /// In an order drawn for each seed, skipping what does not fit.
  case shuffled
}
