import PEFTTensor

/// Token sequences laid end to end, without padding.
public struct PackedBatch: Sendable {
  /// The token of each row, T numbers.
  public let ids: [Int32]
  /// The token type of each row, T numbers.
  public let typeIDs: [Int32]
  /// Which rows belong to which example.
  public let partition: RowPartition

  /// Packs sequences in their order. Token types default to 0.
  public init(sequences: [[Int32]], typeIDs: [[Int32]]? = nil) {
    ids = sequences.flatMap { $0 }
    self.typeIDs = typeIDs.map { $0.flatMap { $0 } } ?? ids.map { _ in 0 }
    partition = RowPartition(lengths: sequences.map(\.count))
    precondition(
      self.typeIDs.count == ids.count,
      "PackedBatch: \(ids.count) tokens, \(self.typeIDs.count) token types")
  }

  /// Packs encoded texts in their order.
  public init(_ encodings: [Encoding]) {
    self.init(sequences: encodings.map(\.ids), typeIDs: encodings.map(\.typeIDs))
  }

  /// The number of examples, B.
  public var exampleCount: Int { partition.exampleCount }
  /// The number of tokens, T.
  public var tokenCount: Int { partition.rowCount }
}
