extension Tape {
  /// y = the columns `range` of x: one of several maps that were computed as one.
  ///
  /// - Shapes: x [T, n], y [T, |range|].
  /// - Saves: nothing.
  /// - Cost: one pass over y; its pullback writes a tensor of the shape of x.
  public func columns(_ x: Variable, _ range: Range<Int>) -> Variable {
    let shape = x.value.shape
    precondition(
      range.lowerBound >= 0 && range.upperBound <= shape.columns && !range.isEmpty,
      "columns: \(range) of \(shape)")
    return output(
      RowKernels.columns(range, of: x.value), x.partition, when: x.needsGradient,
      SelectedColumns(input: x.node, range: range, columns: shape.columns))
  }
}

private struct SelectedColumns: Operation {
  static let name = "columns"
  let input: Node?
  let range: Range<Int>
  let columns: Int

  func pullBack(_ cotangent: Tensor, on walk: inout ReverseWalk) {
    walk.add(RowKernels.zeros(columns: columns, but: range, of: cotangent), to: input)
  }

  func tangent(on walk: ForwardWalk) -> Tensor? {
    walk.tangent(of: input).map { RowKernels.columns(range, of: $0) }
  }
}
