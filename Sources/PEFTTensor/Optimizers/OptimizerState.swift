/// All that an optimizer of the same settings needs to continue from here.
public struct OptimizerState: Sendable {
  /// Numbers that are not a parameter's, such as the steps taken.
  public var counters: [String: Int]
  /// By the name of the slot, such as `mean`, and the name of the parameter: a tensor in the
  /// parameter's `trainableShape`.
  public var slots: [String: [String: Tensor]]

  /// A state from its parts.
  public init(counters: [String: Int], slots: [String: [String: Tensor]]) {
    self.counters = counters
    self.slots = slots
  }
}
