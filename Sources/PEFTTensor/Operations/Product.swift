extension Tape {
  /// z = x ∘ y, element by element. If x is the output of an activation, this is a gated unit such
  /// as SwiGLU's silu(g) ∘ u (Shazeer 2020).
  ///
  /// - Shapes: all [T, n].
  /// - Saves: x if y needs a gradient and y if x does, unless they can be recomputed. If both are
  ///   saved, later operations need not save z.
  /// - Accuracy: each element is rounded once.
  public func product(_ x: Variable, _ y: Variable) -> Variable {
    let z = RowKernels.product(x.value, y.value)
    let left = y.needsGradient ? x.saved.keeping(precision) : nil
    let right = x.needsGradient ? y.saved.keeping(precision) : nil
    var remaking: (() -> Tensor)?
    if let left, let right { remaking = { RowKernels.product(left.value, right.value) } }
    return output(
      z, x.partition, when: left != nil || right != nil, remaking: remaking,
      Product(leftNode: x.node, rightNode: y.node, left: left, right: right))
  }
}

private struct Product: Operation {
  static let name = "product"
  let leftNode: Node?
  let rightNode: Node?
  /// x, saved if y needs a gradient.
  let left: SavedInput?
  /// y, saved if x needs a gradient.
  let right: SavedInput?

  func pullBack(_ cotangent: consuming Tensor, on walk: inout ReverseWalk) {
    if let x = left?.take({ $0 }) {
      let gradient = RowKernels.product(copy cotangent, x)
      walk.add(gradient, to: rightNode)
    }
    guard let y = right?.take({ $0 }) else { return }
    // Reuses the cotangent's storage if it is uniquely referenced.
    let gradient = RowKernels.product(consume cotangent, y)
    walk.add(gradient, to: leftNode)
  }

  func tangent(on walk: ForwardWalk) -> Tensor? {
    let first = walk.tangent(of: leftNode).flatMap { change in
      right.map { RowKernels.product(change, $0.value) }
    }
    let second = walk.tangent(of: rightNode).flatMap { change in
      left.map { RowKernels.product(change, $0.value) }
    }
    guard var sum = first else { return second }
    if let second { sum.add(second) }
    return sum
  }
}
