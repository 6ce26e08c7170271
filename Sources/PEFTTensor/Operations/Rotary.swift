extension Tape {
  /// Rotates every head of row t of x to position p_t: with c and s the cosines and sines of that
  /// position, a pair (a, b) of elements i and D/2 + i becomes (a c_i − b s_i, b c_i + a s_i).
  ///
  /// - Shapes: x and y [T, n·D], any number n of heads of D = `table.headWidth` columns;
  ///   `positions` has T numbers below `table.positionCount`.
  /// - Saves: the table and the positions.
  /// - Cost: one pass over x, and one for the pullback, which rotates backwards.
  /// - Accuracy: for each element, two products in Float32 and their sum.
  public func rotary(_ x: Variable, _ table: RotaryTable, positions: [Int32]) -> Variable {
    let shape = x.value.shape
    precondition(
      shape.columns % table.headWidth == 0 && positions.count == shape.rows
        && positions.allSatisfy { $0 >= 0 && Int($0) < table.positionCount },
      "rotary: \(positions.count) positions for \(shape), heads of \(table.headWidth) columns, or a "
        + "position outside the table's \(table.positionCount)")
    return output(
      RowKernels.rotated(x.value, table, positions: positions, backwards: false), x.partition,
      when: x.needsGradient, Rotary(input: x.node, table: table, positions: positions))
  }
}

/// A rotation is linear, and its transpose is its inverse.
private struct Rotary: Operation {
  static let name = "rotary"
  let input: Node?
  let table: RotaryTable
  let positions: [Int32]

  func pullBack(_ cotangent: consuming Tensor, on walk: inout ReverseWalk) {
    let gradient = RowKernels.rotated(
      consume cotangent, table, positions: positions, backwards: true)
    walk.add(gradient, to: input)
  }

  func tangent(on walk: ForwardWalk) -> Tensor? {
    walk.tangent(of: input).map {
      RowKernels.rotated($0, table, positions: positions, backwards: false)
    }
  }
}
