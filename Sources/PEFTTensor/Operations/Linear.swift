extension Tape {
  /// y = x Wᵀ + b.
  ///
  /// - Shapes: x [T, in], `weight` [out, in], `bias` [out], y [T, out].
  /// - Saves: x when the weight is trainable, unless it can be made again; otherwise nothing.
  /// - Cost: one product forward, one more for each of dx and dW that is needed.
  /// - Accuracy: that of the product in the tape's precision, inner sums in Float32.
  public func linear(_ x: Variable, weight: Parameter, bias: Parameter? = nil) -> Variable {
    let y = MatrixProduct.forward(x.value, weight: weight, bias: bias, precision: precision)
    let isNeeded = x.needsGradient || weight.isTrainable || bias?.isTrainable == true
    return output(
      y, x.partition, when: isNeeded,
      Linear(
        input: x.node, saved: weight.isTrainable ? x.saved : nil, weight: weight, bias: bias,
        partition: x.partition, precision: precision))
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
    if let saved {
      walk.deliver(
        .outerProduct(upstream: cotangent, input: saved.value, scale: 1), of: weight,
        partition: partition)
    }
    walk.deliver(.rowSum(upstream: cotangent), of: bias, partition: partition)
    walk.add(
      MatrixProduct.inputGradient(cotangent, weight: weight, precision: precision), to: input)
  }

  func tangent(on walk: ForwardWalk) -> Tensor? {
    var sum = walk.tangent(of: input).map { MatrixProduct.forward($0, weight: weight.value) }
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
