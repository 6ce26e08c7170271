extension Tape {
  /// z = x + f y with a constant factor f.
  ///
  /// - Shapes: all [T, n].
  /// - Saves: nothing.
  public func add(_ x: Variable, _ y: Variable, scaledBy factor: Float = 1) -> Variable {
    var sum = x.value
    sum.add(y.value, scaledBy: factor)
    return output(
      sum, x.partition, when: x.needsGradient || y.needsGradient,
      Add(left: x.node, right: y.node, factor: factor))
  }
}

private struct Add: Operation {
  static let name = "add"
  let left: Node?
  let right: Node?
  let factor: Float

  func pullBack(_ cotangent: Tensor, on walk: inout ReverseWalk) {
    walk.add(cotangent, to: left)
    walk.add(scaled(cotangent), to: right)
  }

  func tangent(on walk: ForwardWalk) -> Tensor? {
    guard var sum = walk.tangent(of: left) else { return walk.tangent(of: right).map(scaled) }
    if let other = walk.tangent(of: right) { sum.add(other, scaledBy: factor) }
    return sum
  }

  private func scaled(_ change: Tensor) -> Tensor {
    factor == 1 ? change : change.scaled(by: factor)
  }
}
