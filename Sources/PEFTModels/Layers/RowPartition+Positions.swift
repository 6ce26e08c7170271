import PEFTTensor

extension RowPartition {
  /// The position of each row in its example, from 0.
  public var positions: [Int32] {
    (0..<exampleCount).flatMap { example in (0..<Int32(self[example].count)) }
  }
}
