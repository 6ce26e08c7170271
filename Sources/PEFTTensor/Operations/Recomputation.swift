extension Tape {
  /// body(x), saving only x: backward and tangent passes compute `body` again (Chen et al. 2016).
  ///
  /// - Saves: x. What `body` records is in memory while it runs, and again while a pass goes
  ///   through it.
  /// - Cost: one more run of `body` for each pass. Dropout generates the same masks, so in fp32
  ///   values and gradients equal, bit for bit, those without recomputation. In bf16, the gradients
  ///   of operations that read x come from x itself, not from its rounded copy.
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
  /// The empty tape on which the body was first recorded.
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

/// The input of a computation on its own tape: the cotangent of that computation arrives here, and
/// its tangent starts here.
private final class Leaf: Operation {
  static let name = "leaf"
  var cotangent: Tensor?
  var tangent: Tensor?

  func pullBack(_ cotangent: Tensor, on walk: inout ReverseWalk) { self.cotangent = cotangent }
  func tangent(on walk: ForwardWalk) -> Tensor? { tangent }
}

extension Tape {
  /// A variable with the value of one from another tape, recorded if that one needs a gradient.
  fileprivate func leaf(_ x: Variable, _ leaf: Leaf) -> Variable {
    output(x.value, x.partition, when: x.needsGradient, leaf)
  }
}
