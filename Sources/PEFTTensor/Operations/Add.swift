extension Tape {
  /// z = x + y.
  ///
  /// - Shapes: all [T, n].
  /// - Saves: nothing.
  public func add(_ x: Variable, _ y: Variable) -> Variable {
    var sum = y.value
    sum.add(x.value)
    return output(
      sum, x.partition, when: x.needsGradient || y.needsGradient,
      Add(left: x.node, right: y.node))
  }
}

private struct Add: Operation {
  static let name = "add"
  let left: Node?
  let right: Node?

  func pullBack(_ cotangent: Tensor, on walk: inout ReverseWalk) {
    walk.add(cotangent, to: left)
    walk.add(cotangent, to: right)
  }

  func tangent(on walk: ForwardWalk) -> Tensor? {
    guard var sum = walk.tangent(of: left) else { return walk.tangent(of: right) }
    if let other = walk.tangent(of: right) { sum.add(other) }
    return sum
  }
}
