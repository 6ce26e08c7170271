import PEFTTensor

/// Token sequences laid end to end, without padding.
public struct PackedBatch: Sendable {
  /// The token of each row, T numbers.
  public let ids: [Int32]
  /// The token type of each row, T numbers.
  public let typeIDs: [Int32]
  /// Which rows belong to which example.
  public let partition: RowPartition
  /// The rows to predict something for, N ascending numbers below T; nil for all. A classifier of
  /// texts does not look at them.
  public let predictedRows: [Int]?

  /// Packs sequences in their order. Token types default to 0.
  ///
  /// - Parameter predicted: positions inside each sequence to predict at, ascending; nil for all.
  public init(
    sequences: [[Int32]], typeIDs: [[Int32]]? = nil, predicted: [[Int]]? = nil
  ) {
    ids = sequences.flatMap { $0 }
    self.typeIDs = typeIDs.map { $0.flatMap { $0 } } ?? ids.map { _ in 0 }
    let partition = RowPartition(lengths: sequences.map(\.count))
    self.partition = partition
    precondition(
      self.typeIDs.count == ids.count && (predicted?.count ?? sequences.count) == sequences.count,
      "PackedBatch: \(ids.count) tokens, \(self.typeIDs.count) token types; \(sequences.count) "
        + "sequences, predictions for \(predicted?.count ?? sequences.count)")
    predictedRows = predicted.map { predicted in
      predicted.enumerated().flatMap { example, positions in
        positions.map { position in
          precondition(
            position >= 0 && position < partition[example].count,
            "PackedBatch: position \(position) of \(partition[example].count) tokens")
          return partition[example].lowerBound + position
        }
      }
    }
  }

  /// The number of examples, B.
  public var exampleCount: Int { partition.exampleCount }
  /// The number of tokens, T.
  public var tokenCount: Int { partition.rowCount }
}
