import PEFTTensor

/// Token sequences laid end to end, without padding.
public struct PackedBatch: Sendable {
  /// The token of each row, T numbers.
  public let ids: [Int32]
  /// The token type of each row, T numbers.
  public let typeIDs: [Int32]
  /// The partition of the rows among the examples.
  public let partition: RowPartition
  /// The rows at which to predict, N ascending numbers below T; nil means all. Text classifiers
  /// ignore them.
  public let predictedRows: [Int]?

  /// Packs sequences in the given order. Token types default to 0.
  ///
  /// - Parameter predicted: the positions in each sequence at which to predict, ascending; nil
  ///   means all.
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
