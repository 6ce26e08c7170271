extension Tape {
  /// y = f(x), element by element.
  ///
  /// - Shapes: x and y [T, n].
  /// - Saves: y for tanh, x for the others.
  /// - Accuracy: see `VectorKernels`.
  public func activation(_ x: Variable, _ activation: Activation) -> Variable {
    guard !skipsNonlinearities else { return x }
    let y = RowKernels.activation(x.value, activation)
    guard let node = x.node else { return Variable(constant: y, partition: x.partition) }
    let saved = SavedTensor(activation.savesOutput ? y : x.value, precision: precision)
    return activated(y, activation, saved: saved, of: node, partition: x.partition)
  }

  /// Records y = f(output of `node`), where y has already been computed.
  func activated(
    _ y: Tensor, _ activation: Activation, saved: SavedTensor, of node: Node,
    partition: RowPartition
  ) -> Variable {
    output(
      y, partition, when: true,
      remaking: activation.savesOutput ? nil : { RowKernels.activation(of: saved, activation) },
      AppliedActivation(input: node, activation: activation, saved: saved))
  }
}

/// The derivative is diagonal, so pullback and tangent are the same product with f′.
private struct AppliedActivation: Operation {
  static let name = "activation"
  let input: Node
  let activation: Activation
  let saved: SavedTensor

  func pullBack(_ cotangent: consuming Tensor, on walk: inout ReverseWalk) {
    let gradient = RowKernels.activationDerivative(saved, activation, times: consume cotangent)
    walk.add(gradient, to: input)
  }

  func tangent(on walk: ForwardWalk) -> Tensor? {
    walk.tangent(of: input).map {
      RowKernels.activationDerivative(saved, activation, times: $0)
    }
  }
}
