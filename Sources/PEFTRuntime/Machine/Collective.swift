/// Processes that work on one problem and exchange bytes.
///
/// All processes make the same calls in the same order. A conformer only moves bytes and adds
/// nothing, so every result is a function of what was sent, whatever carries it.
public protocol Collective: Sendable {
  /// The number of this process, from 0.
  var rank: Int { get }

  /// The number of processes, P.
  var count: Int { get }

  /// Sends some bytes to every process, and receives some from every process.
  ///
  /// Throws `LostProcess` if a process has ended.
  ///
  /// - Parameters:
  ///   - sent: the bytes for process 0, then those for process 1, and so on.
  ///   - sentCounts: the number of bytes for each process, P numbers.
  ///   - received: receives the bytes from process 0, then those from process 1, and so on.
  ///   - receivedCounts: the number of bytes from each process, P numbers.
  func exchange(
    _ sent: UnsafeRawBufferPointer, counts sentCounts: [Int],
    into received: UnsafeMutableRawBufferPointer, counts receivedCounts: [Int]) throws

  /// Sends `mine` to every process, and receives what every process sends.
  ///
  /// Throws `LostProcess` if a process has ended.
  ///
  /// - Parameters:
  ///   - all: receives the bytes of process 0, then those of process 1, and so on.
  ///   - counts: the number of bytes of each process, P numbers.
  func gather(
    _ mine: UnsafeRawBufferPointer, into all: UnsafeMutableRawBufferPointer, counts: [Int]) throws
}

extension Collective {
  /// The numbers of every process, in the order of their ranks. All have the same number of them.
  public func gather(_ numbers: [Double]) throws -> [[Double]] {
    guard count > 1 else { return [numbers] }
    var all = [Double](repeating: 0, count: count * numbers.count)
    let bytes = MemoryLayout<Double>.stride * numbers.count
    try numbers.withUnsafeBytes { mine in
      try all.withUnsafeMutableBytes { all in
        try gather(mine, into: all, counts: Array(repeating: bytes, count: count))
      }
    }
    return (0..<count).map { Array(all[$0 * numbers.count..<($0 + 1) * numbers.count]) }
  }

  /// The bytes of every process, in the order of their ranks, whose numbers may differ.
  public func gather(bytes: [UInt8]) throws -> [[UInt8]] {
    guard count > 1 else { return [bytes] }
    let counts = try gather([Double(bytes.count)]).map { Int($0[0]) }
    var all = [UInt8](repeating: 0, count: counts.reduce(0, +))
    try bytes.withUnsafeBytes { mine in
      try all.withUnsafeMutableBytes { try gather(mine, into: $0, counts: counts) }
    }
    var start = 0
    return counts.map { count in
      defer { start += count }
      return Array(all[start..<start + count])
    }
  }

  /// The bytes of process 0.
  public func broadcast(_ bytes: [UInt8]) throws -> [UInt8] {
    try gather(bytes: rank == 0 ? bytes : [])[0]
  }

  /// Whether `flag` is true in any process.
  public func any(_ flag: Bool) throws -> Bool {
    count == 1 ? flag : try gather([flag ? 1 : 0]).contains { $0[0] > 0 }
  }

  /// Returns when every process has called it.
  public func barrier() throws { _ = try any(false) }
}

/// The error for a process of a job that has ended or cannot be reached.
public struct LostProcess: Error, CustomStringConvertible {
  /// What happened, and what to do.
  public let description =
    "another process of the job has ended or cannot be reached; run the job again with `resume`"

  /// Creates the error.
  public init() {}
}

/// A single process.
public struct Alone: Collective {
  /// The rank, 0.
  public let rank = 0
  /// The number of processes, 1.
  public let count = 1

  /// Creates a single process.
  public init() {}

  /// Copies the bytes.
  public func exchange(
    _ sent: UnsafeRawBufferPointer, counts sentCounts: [Int],
    into received: UnsafeMutableRawBufferPointer, counts receivedCounts: [Int]
  ) { received.copyMemory(from: sent) }

  /// Copies the bytes.
  public func gather(
    _ mine: UnsafeRawBufferPointer, into all: UnsafeMutableRawBufferPointer, counts: [Int]
  ) { all.copyMemory(from: mine) }
}
