import PEFTNetwork
import PEFTText

extension PackedBatch {
  /// Packs encoded texts in their order.
  public init(_ encodings: [Encoding]) {
    self.init(sequences: encodings.map(\.ids), typeIDs: encodings.map(\.typeIDs))
  }
}
