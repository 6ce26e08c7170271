extension Tape {
  /// y_i = the first row, the last row or the mean of the rows of example i.
  ///
  /// - Shapes: x [T, n], y [B, n]. Every example must have at least one row.
  /// - Saves: nothing.
  public func pool(_ x: Variable, _ pooling: Pooling) -> Variable {
    let y = RowKernels.pool(x.value, pooling, partition: x.partition)
    return output(
      y, RowPartition(examples: x.partition.exampleCount), when: x.needsGradient,
      AppliedPooling(input: x.node, pooling: pooling, partition: x.partition))
  }
}

private struct AppliedPooling: Operation {
  static let name = "pool"
  let input: Node?
  let pooling: Pooling
  let partition: RowPartition

  func pullBack(_ cotangent: Tensor, on walk: inout ReverseWalk) {
    walk.add(RowKernels.unpool(cotangent, pooling, partition: partition), to: input)
  }

  func tangent(on walk: ForwardWalk) -> Tensor? {
    walk.tangent(of: input).map { RowKernels.pool($0, pooling, partition: partition) }
  }
}
