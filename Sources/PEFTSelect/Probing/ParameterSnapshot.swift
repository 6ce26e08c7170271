import PEFTTensor

/// The values and marks of parameters at one moment. Restoring puts the very bytes back, so that
/// probing leaves no trace; values share storage until one of them changes.
struct ParameterSnapshot {
  private let saved: [(parameter: Parameter, value: Tensor, isTrainable: Bool)]

  init(of parameters: [ModelParameter]) {
    saved = parameters.map { ($0.parameter, $0.parameter.value, $0.parameter.isTrainable) }
  }

  func restore() {
    for (parameter, value, isTrainable) in saved {
      parameter.value = value
      parameter.isTrainable = isTrainable
    }
  }
}
