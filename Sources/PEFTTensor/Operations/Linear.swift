extension Tape {
  /// y = f(x Wᵀ + b), or x Wᵀ + b without an activation.
  ///
  /// - Shapes: x [T, in], `weight` [out, in], `bias` [out], y [T, out].
  /// - Saves: x if the weight is trainable, unless x can be recomputed; and what the activation
  ///   saves. If nothing is recorded, f is applied in place.
  /// - Cost: one product forward, and one more for each of dx and dW that is needed.
  /// - Accuracy: that of the product in the tape's precision, with inner sums in Float32.
  public func linear(
    _ x: Variable, weight: Parameter, bias: Parameter? = nil, activation: Activation? = nil
  ) -> Variable {
    let isNeeded = x.needsGradient || weight.wantsGradient || bias?.wantsGradient == true
    let operation = Linear(
      input: x.node, saved: weight.wantsGradient ? x.saved.keeping(precision) : nil, weight: weight,
      bias: bias, partition: x.partition, precision: precision)
    guard let activation, !skipsNonlinearities else {
      return output(
        MatrixProduct.forward(x.value, weight: weight, bias: bias, precision: precision),
        x.partition, when: isNeeded, operation)
    }
    let (y, saved) = MatrixProduct.forward(
      x.value, weight: weight, bias: bias, precision: precision, activation: activation,
      saving: isNeeded)
    guard let saved else { return Variable(constant: y, partition: x.partition) }
    return activated(
      y, activation, saved: saved, of: record(operation), partition: x.partition)
  }
}

private struct Linear: Operation {
  static let name = "linear"
  let input: Node?
  let saved: SavedInput?
  let weight: Parameter
  let bias: Parameter?
  let partition: RowPartition
  let precision: Precision

  func pullBack(_ cotangent: Tensor, on walk: inout ReverseWalk) {
    saved?.take { input in
      walk.deliver(
        .outerProduct(upstream: cotangent, input: input, scale: 1), of: weight,
        partition: partition)
    }
    walk.deliver(.rowSum(upstream: cotangent), of: bias, partition: partition)
    walk.add(
      MatrixProduct.inputGradient(cotangent, weight: weight, precision: precision), to: input)
  }

  func tangent(on walk: ForwardWalk) -> Tensor? {
    var sum = walk.tangent(of: input).map {
      MatrixProduct.forward($0, weight: weight, bias: nil, precision: .fp32)
    }
    if let saved, let direction = walk.direction(of: weight) {
      sum = MatrixProduct.forward(saved.value, weight: direction, addingTo: sum)
    }
    if let direction = walk.direction(of: bias) {
      var total = sum ?? Tensor(zeros: [partition.rowCount, weight.shape.rows])
      total.addToRows(direction)
      sum = total
    }
    return sum
  }
}
