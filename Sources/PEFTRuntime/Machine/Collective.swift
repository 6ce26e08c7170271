/// Processes that work on one problem, each on its part, and exchange sums.
///
/// Every process makes the same calls in the same order. A sum has the same bits in all of them.
public protocol Collective: Sendable {
  /// The number of this process, from 0.
  var rank: Int { get }

  /// The number of processes.
  var count: Int { get }

  /// Replaces every number by its sum over the processes.
  ///
  /// Throws where a process is gone.
  func sum(_ numbers: UnsafeMutableBufferPointer<Float>) throws

  /// The sums of the numbers over the processes.
  ///
  /// Throws where a process is gone.
  func sum(_ numbers: [Double]) throws -> [Double]
}

extension Collective {
  /// Whether any process says so.
  public func any(_ flag: Bool) throws -> Bool {
    count == 1 ? flag : try sum([flag ? 1 : 0])[0] > 0
  }
}

/// One process by itself.
public struct Alone: Collective {
  /// 0.
  public let rank = 0
  /// 1.
  public let count = 1

  /// The process.
  public init() {}

  /// The numbers.
  public func sum(_ numbers: UnsafeMutableBufferPointer<Float>) {}

  /// The numbers.
  public func sum(_ numbers: [Double]) -> [Double] { numbers }
}
