import PEFTTensor

/// The values and trainable elements of parameters at one moment.
///
/// Restoring is exact to the bit, so probing has no side effects. Values share storage until one of
/// them changes.
public struct ParameterSnapshot {
  private struct State {
    let parameter: Parameter
    let value: Parameter.Held
    let history: TrainingHistory
  }

  private let saved: [State]

  /// Captures the current state of `parameters`.
  public init(of parameters: [ModelParameter]) {
    saved = parameters.map { entry in
      let parameter = entry.parameter
      return State(
        parameter: parameter, value: parameter.held, history: parameter.history)
    }
  }

  /// Restores the captured state. A value that has not changed is left alone, so it can still be
  /// read again from its source.
  public func restore() {
    for state in saved {
      state.parameter.restore(state.value)
      state.parameter.history = state.history
    }
  }
}
