import PEFTNetwork
import PEFTTensor

/// The values and marks of parameters at one moment. Restoring puts the very bytes back, so that
/// probing leaves no trace; values share storage until one of them changes.
public struct ParameterSnapshot {
  private struct State {
    let parameter: Parameter
    let value: Tensor
    let trains: TrainableElements
  }

  private let saved: [State]

  /// The state of `parameters` now.
  public init(of parameters: [ModelParameter]) {
    saved = parameters.map { entry in
      let parameter = entry.parameter
      return State(
        parameter: parameter, value: parameter.value, trains: parameter.trains)
    }
  }

  /// Puts it back. A value that nobody changed is left alone, and can still be read
  /// again from where it came.
  public func restore() {
    for state in saved {
      if !state.parameter.value.isSameStorage(as: state.value) {
        state.parameter.value = state.value
      }
      state.parameter.trains = state.trains
    }
  }
}
