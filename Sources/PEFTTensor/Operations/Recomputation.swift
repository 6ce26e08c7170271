extension Tape {
  /// body(x), of which only x is kept: a walk computes it again (Chen et al. 2016).
  ///
  /// - Saves: x. What `body` records is in memory while it runs, and again while a walk is in it.
  /// - Cost: `body` once more for each walk. Its dropout draws the same masks, so in fp32 values
  ///   and gradients are to the bit those without recomputation; in bf16 the gradients of what
  ///   reads x are from x itself, not from its rounded copy.
  public func recomputed(
    _ x: Variable, _ body: @escaping (Variable, Tape) -> Variable
  ) -> Variable {
    let operation = Recomputation(input: x, start: fork(), body: body)
    let (tape, _, y) = operation.replay()
    join(tape)
    return output(y.value, y.partition, when: y.needsGradient, operation)
  }
}

private struct Recomputation: Operation {
  static let name = "recomputation"
  let input: Variable
  /// The empty tape on which the body was recorded first.
  let start: Tape
  let body: (Variable, Tape) -> Variable

  func replay() -> (tape: Tape, input: Leaf, output: Variable) {
    let (tape, leaf) = (start.fork(), Leaf())
    return (tape, leaf, body(tape.leaf(input, leaf), tape))
  }

  func pullBack(_ cotangent: Tensor, on walk: inout ReverseWalk) {
    let (tape, leaf, output) = replay()
    walk.pullBack(cotangent, from: output, on: tape)
    if let cotangent = leaf.cotangent { walk.add(cotangent, to: input.node) }
  }

  func tangent(on walk: ForwardWalk) -> Tensor? {
    let (tape, leaf, output) = replay()
    leaf.tangent = walk.tangent(of: input.node)
    return walk.tangent(of: output, on: tape)
  }
}

/// Where a computation on a tape of its own begins: its cotangent arrives here, and its
/// tangent starts here.
private final class Leaf: Operation {
  static let name = "leaf"
  var cotangent: Tensor?
  var tangent: Tensor?

  func pullBack(_ cotangent: Tensor, on walk: inout ReverseWalk) { self.cotangent = cotangent }
  func tangent(on walk: ForwardWalk) -> Tensor? { tangent }
}

extension Tape {
  /// A variable with the value of another tape's, recorded where that one is.
  fileprivate func leaf(_ x: Variable, _ leaf: Leaf) -> Variable {
    output(x.value, x.partition, when: x.needsGradient, leaf)
  }
}
