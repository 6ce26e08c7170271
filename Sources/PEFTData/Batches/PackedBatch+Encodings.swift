import PEFTNetwork
import PEFTText

extension PackedBatch {
  /// Packs encoded texts in the given order.
  public init(_ encodings: [Encoding]) {
    self.init(sequences: encodings.map(\.ids), typeIDs: encodings.map(\.typeIDs))
  }
}
