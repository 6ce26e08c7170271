extension Tape {
  /// y = x fᵀ, the inner products of the rows of x with those of f: a linear map whose weight is
  /// computed.
  ///
  /// - Shapes: x [T, m], f [N, m], y [T, N].
  /// - Saves: x if f needs a gradient and f if x does, unless they can be recomputed.
  /// - Cost: one product forward, and one more for each of dx and df, in fp32.
  public func innerProducts(_ x: Variable, _ f: Variable) -> Variable {
    output(
      MatrixProduct.forward(x.value, weight: f.value), x.partition,
      when: x.needsGradient || f.needsGradient,
      InnerProducts(
        leftNode: x.node, rightNode: f.node,
        left: f.needsGradient ? x.saved.keeping(precision) : nil,
        right: x.needsGradient ? f.saved.keeping(precision) : nil, rows: f.value.shape))
  }
}

private struct InnerProducts: Operation {
  static let name = "innerProducts"
  let leftNode: Node?
  let rightNode: Node?
  /// x, saved if f needs a gradient.
  let left: SavedInput?
  /// f, saved if x needs a gradient.
  let right: SavedInput?
  /// The shape of f.
  let rows: Shape

  func pullBack(_ cotangent: Tensor, on walk: inout ReverseWalk) {
    if let left {
      var gradient = Tensor(zeros: rows)
      left.take {
        MatrixProduct.weightGradient(
          upstream: cotangent, input: $0, into: &gradient, accumulating: false)
      }
      walk.add(gradient, to: rightNode)
    }
    guard let right else { return }
    let gradient = right.take { MatrixProduct.inputGradient(cotangent, weight: $0) }
    walk.add(gradient, to: leftNode)
  }

  func tangent(on walk: ForwardWalk) -> Tensor? {
    var sum = walk.tangent(of: leftNode).flatMap { change in
      right.map { MatrixProduct.forward(change, weight: $0.value) }
    }
    if let left, let change = walk.tangent(of: rightNode) {
      sum = MatrixProduct.forward(left.value, weight: change, addingTo: sum)
    }
    return sum
  }
}
