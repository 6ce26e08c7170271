/// A value in a computation that a tape may be recording.
public struct Variable {
  /// The value.
  public let value: Tensor
  /// Which rows belong to which example.
  public let partition: RowPartition
  /// Where the tape recorded it; nil when nothing below it needs a gradient.
  let node: Node?
  /// How the operations on it save it.
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

  /// Whether a reverse walk would reach it.
  public var needsGradient: Bool { node != nil }
}

/// The position of an operation on its tape; operations only read positions below their own.
struct Node: Hashable, Sendable {
  let index: Int
}
