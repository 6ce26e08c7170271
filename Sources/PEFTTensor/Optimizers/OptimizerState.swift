/// The complete state that an optimizer with the same settings needs to continue.
public struct OptimizerState: Sendable {
  /// Numbers that do not belong to a parameter, such as the number of steps taken.
  public var counters: [String: Int]
  /// Tensors keyed by the name of the slot, such as `mean`, and the name of the parameter; each has
  /// the parameter's `trainableShape`.
  public var slots: [String: [String: Tensor]]

  /// Creates a state from its parts.
  public init(counters: [String: Int], slots: [String: [String: Tensor]]) {
    self.counters = counters
    self.slots = slots
  }
}
