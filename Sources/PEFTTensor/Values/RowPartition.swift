/// The assignment of the rows of a packed tensor to examples. A batch is the concatenation of its
/// sequences, without padding.
public struct RowPartition: Hashable, Sendable {
  /// The first row of each example, followed by the number of rows: B + 1 non-decreasing numbers,
  /// the first 0.
  public let offsets: [Int]

  /// Creates a partition into examples with these numbers of rows.
  public init(lengths: [Int]) {
    var offsets = [0]
    offsets.reserveCapacity(lengths.count + 1)
    for length in lengths {
      precondition(length >= 0, "RowPartition: negative length \(length)")
      offsets.append((offsets.last ?? 0) + length)
    }
    self.offsets = offsets
  }

  /// Creates a partition with one row for each of `examples`.
  public init(examples: Int) { offsets = Array(0...examples) }

  /// The number of examples, B.
  public var exampleCount: Int { offsets.count - 1 }
  /// The number of rows, T.
  public var rowCount: Int { offsets[offsets.count - 1] }

  /// The partition of a tensor that has `count` rows in place of each row.
  func repeatingRows(_ count: Int) -> RowPartition {
    RowPartition(lengths: (0..<exampleCount).map { self[$0].count * count })
  }

  /// The partition in which every `count` adjacent examples are one. The number of examples must be
  /// a multiple of `count`.
  package func joining(_ count: Int) -> RowPartition {
    precondition(
      count > 0 && exampleCount.isMultiple(of: count),
      "RowPartition: \(count) of \(exampleCount) examples in one")
    guard count > 1 else { return self }
    return RowPartition(offsets: stride(from: 0, to: offsets.count, by: count).map { offsets[$0] })
  }

  private init(offsets: [Int]) { self.offsets = offsets }

  /// The rows of one example.
  public subscript(example: Int) -> Range<Int> { offsets[example]..<offsets[example + 1] }
}
