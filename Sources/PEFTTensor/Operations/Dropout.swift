extension Tape {
  /// y = m ∘ x / (1 − p) with independent m ~ Bernoulli(1 − p); returns x itself if dropout is off.
  ///
  /// - Shapes: x and y [T, n].
  /// - Saves: nothing.
  public func dropout(_ x: Variable, probability: Double) -> Variable {
    guard let mask = nextDropout(of: x.value.shape, probability: probability) else { return x }
    return output(
      mask.applied(to: x.value), x.partition, when: x.needsGradient,
      Dropout(input: x.node, mask: mask))
  }
}

private struct Dropout: Operation {
  static let name = "dropout"
  let input: Node?
  let mask: DropoutMask

  func pullBack(_ cotangent: Tensor, on walk: inout ReverseWalk) {
    walk.add(mask.applied(to: cotangent), to: input)
  }

  func tangent(on walk: ForwardWalk) -> Tensor? {
    walk.tangent(of: input).map { mask.applied(to: $0) }
  }
}
