/// A trainable bias of attention scores that depends on the head and on the distance between two
/// tokens of a sequence (Raffel et al. 2020): token i adds `table[row(j − i), h]` to its score for
/// token j in head h.
public struct RelativePositionBias {
  /// The biases [K, H], one row for each group of distances.
  public let table: Parameter
  private let row: @Sendable (Int) -> Int

  /// Creates a bias that looks up row `row(d)` of `table`, below K, for the distance d = j − i.
  public init(_ table: Parameter, row: @escaping @Sendable (Int) -> Int) {
    self.table = table
    self.row = row
  }

  /// The rows for all distances in sequences of a partition.
  func lookup(for partition: RowPartition) -> DistanceLookup {
    let longest = (0..<partition.exampleCount).map { partition[$0].count }.max() ?? 0
    return DistanceLookup(longest: max(1, longest), row: row)
  }
}
