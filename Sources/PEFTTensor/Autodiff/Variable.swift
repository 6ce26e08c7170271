/// A value in a computation that a tape may be recording.
public struct Variable {
  /// The value.
  public let value: Tensor
  /// The partition of the rows among the examples.
  public let partition: RowPartition
  /// The node under which the tape recorded it, or nil if nothing it depends on needs a gradient.
  let node: Node?
  /// The form in which operations on this variable save it.
  let saved: SavedInput

  /// A value that needs no gradient.
  public init(constant value: Tensor, partition: RowPartition) {
    self.init(value: value, partition: partition, node: nil, saved: SavedInput(value))
  }

  init(value: Tensor, partition: RowPartition, node: Node?, saved: SavedInput) {
    precondition(
      value.shape.rows == partition.rowCount,
      "Variable: \(value.shape) partitioned into \(partition.rowCount) rows")
    self.value = value
    self.partition = partition
    self.node = node
    self.saved = saved
  }

  /// Whether a backward pass would reach it.
  public var needsGradient: Bool { node != nil }
}

/// The position of an operation on its tape. An operation reads only lower positions than its own.
struct Node: Hashable, Sendable {
  let index: Int
}
