import PEFTTensor

/// A stopping rule for probing: stop once the selection under a budget is the same over successive
/// probes.
public struct SettledSelection: Hashable, Sendable {
  /// The budget, in parameters.
  public var budget: Int
  /// The number of successive probes that must agree.
  public var probes: Int

  /// Stops after `probes` equal selections under `budget`.
  public init(budget: Int, probes: Int) {
    self.budget = budget
    self.probes = probes
  }
}

extension SettledSelection {
  /// `{"budget": 1000, "probes": 2}`.
  package var json: JSONValue { .object(["budget": .integer(budget), "probes": .integer(probes)]) }
}
