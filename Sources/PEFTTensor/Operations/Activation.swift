/// An elementwise nonlinearity.
public enum Activation: Hashable, Sendable {
  /// x Φ(x) with the exact normal distribution function, by erf (Hendrycks & Gimpel 2016).
  case gelu
  /// The same with Φ approximated by tanh: ½ x (1 + tanh(√(2/π) (x + 0.044715 x³))).
  case geluTanh
  /// The hyperbolic tangent.
  case tanh
}

extension Tape {
  /// y = f(x), element by element.
  ///
  /// - Shapes: x and y [T, n].
  /// - Saves: x for the GELUs, y for tanh.
  /// - Accuracy: see the kernels.
  public func activation(_ x: Variable, _ activation: Activation) -> Variable {
    activated(x, activation, value: RowKernels.activation(x.value, activation))
  }

  /// The same with y computed before.
  func activated(_ x: Variable, _ activation: Activation, value y: Tensor) -> Variable {
    guard x.needsGradient else { return Variable(constant: y, partition: x.partition) }
    let saved = SavedTensor(activation == .tanh ? y : x.value, precision: precision)
    return output(
      y, x.partition, when: true,
      remaking: activation == .tanh ? nil : { RowKernels.activation(saved.value, activation) },
      AppliedActivation(input: x.node, activation: activation, saved: saved))
  }
}

/// The derivative is diagonal, so pullback and tangent are the same product with f′.
private struct AppliedActivation: Operation {
  static let name = "activation"
  let input: Node?
  let activation: Activation
  let saved: SavedTensor

  func pullBack(_ cotangent: Tensor, on walk: inout ReverseWalk) {
    walk.add(
      RowKernels.activationDerivative(saved.value, activation, times: cotangent), to: input)
  }

  func tangent(on walk: ForwardWalk) -> Tensor? {
    walk.tangent(of: input).map {
      RowKernels.activationDerivative(saved.value, activation, times: $0)
    }
  }
}
