/// The extents of a row-major tensor, outermost first.
public struct Shape: Hashable, Sendable {
  /// The extents, each at least 0.
  public let extents: [Int]
  /// The number of elements: the product of the extents, 1 for a scalar.
  public let count: Int

  /// Creates a shape with these extents. A negative extent or an overflowing product is a
  /// programmer's error.
  public init(_ extents: [Int]) {
    var count = 1
    for extent in extents {
      let (product, overflow) = count.multipliedReportingOverflow(by: extent)
      precondition(extent >= 0 && !overflow, "Shape: impossible extents \(extents)")
      count = product
    }
    self.extents = extents
    self.count = count
  }

  /// The number of axes.
  public var rank: Int { extents.count }

  /// The extent of `axis`; a negative axis counts from the last.
  public subscript(axis: Int) -> Int { extents[axis < 0 ? extents.count + axis : axis] }

  /// The number of rows if the last axis is read as columns: the product of the other extents, 1
  /// for a scalar.
  public var rows: Int { extents.dropLast().reduce(1, *) }

  /// The last extent; 1 for a scalar.
  public var columns: Int { extents.last ?? 1 }
}

extension Shape: ExpressibleByArrayLiteral, CustomStringConvertible {
  /// Creates a shape with these extents.
  public init(arrayLiteral elements: Int...) { self.init(elements) }

  /// The extents in brackets, as in `[32, 384]`.
  public var description: String { "\(extents)" }
}
