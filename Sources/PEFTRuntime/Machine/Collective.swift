/// Processes that each work on a part of one problem and exchange sums.
///
/// All processes make the same calls in the same order. A sum has the same bits in all of them.
public protocol Collective: Sendable {
  /// The number of this process, from 0.
  var rank: Int { get }

  /// The number of processes.
  var count: Int { get }

  /// Replaces every number with its sum over the processes.
  ///
  /// Throws if a process has ended.
  func sum(_ numbers: UnsafeMutableBufferPointer<Float>) throws

  /// The sums of the numbers over the processes.
  ///
  /// Throws if a process has ended.
  func sum(_ numbers: [Double]) throws -> [Double]
}

extension Collective {
  /// Whether `flag` is true in any process.
  public func any(_ flag: Bool) throws -> Bool {
    count == 1 ? flag : try sum([flag ? 1 : 0])[0] > 0
  }
}

/// A single process.
public struct Alone: Collective {
  /// The rank, 0.
  public let rank = 0
  /// The number of processes, 1.
  public let count = 1

  /// Creates a single process.
  public init() {}

  /// Leaves the numbers as they are.
  public func sum(_ numbers: UnsafeMutableBufferPointer<Float>) {}

  /// Returns the numbers as they are.
  public func sum(_ numbers: [Double]) -> [Double] { numbers }
}
