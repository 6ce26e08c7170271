/// The method by which a budget is filled.
public enum SelectionSolver: String, CaseIterable, Hashable, Sendable {
  /// Solves the knapsack exactly.
  case exact
  /// Takes groups by value for each parameter, skipping those that do not fit, and compares the
  /// result with the best single group.
  case greedy
  /// Takes groups by value for each parameter, up to the first group that does not fit, as in the
  /// paper.
  case prefix
  /// Maximises the joint reduction of the loss by the selected groups.
  case interacting
  /// Takes the default for the budget, or a selection of the same kind if that is certainly better.
  case anchored
  /// Takes groups in a random order that depends on the seed, skipping those that do not fit.
  case shuffled
}
