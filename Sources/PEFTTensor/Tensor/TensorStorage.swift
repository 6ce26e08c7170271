import Glibc
import Synchronization

/// A buffer of Float32 elements that tensors share. The only place that allocates and deallocates.
///
/// Buffers come from a process-wide pool and return to it when the last tensor lets go, so a
/// training step takes the buffers of the step before it. Capacities are rounded up to one of eight
/// sizes an octave, and a request may take a buffer up to twice its size, so batches whose lengths
/// vary share buffers too. Contents are uninitialised.
final class TensorStorage: @unchecked Sendable {
  /// The first element, aligned to 64 bytes; to a huge page from 4 MiB on.
  let elements: UnsafeMutablePointer<Float>
  /// The number of elements there is room for.
  let capacity: Int
  private let sizeClass: Int

  init(count: Int) {
    (elements, sizeClass) = Self.pool.withLock { $0.take(count) }
    capacity = StoragePool.capacity(ofClass: sizeClass)
  }

  deinit {
    let elements = elements
    let sizeClass = sizeClass
    Self.pool.withLock { $0.giveBack(elements, sizeClass: sizeClass) }
  }

  private static let pool = Mutex(StoragePool())

  static var statistics: TensorMemory { pool.withLock { $0.statistics } }

  static func releaseUnusedBuffers() { pool.withLock { $0.releaseUnused() } }
}

/// Counters of the memory that tensors own, for tests, estimates and reports.
public struct TensorMemory: Hashable, Sendable {
  /// Buffers obtained from the system since the process started.
  public fileprivate(set) var allocations = 0
  /// Bytes in buffers that tensors hold now.
  public fileprivate(set) var bytesInUse = 0
  /// The largest value of `bytesInUse` so far.
  public fileprivate(set) var peakBytesInUse = 0
  /// Bytes in buffers that wait for their next use.
  public fileprivate(set) var bytesInPool = 0

  /// The counters now.
  public static var current: TensorMemory { TensorStorage.statistics }

  /// Returns the buffers that no tensor holds to the system.
  public static func releaseUnused() { TensorStorage.releaseUnusedBuffers() }
}

/// Free buffers by size class.
private struct StoragePool: @unchecked Sendable {
  var statistics = TensorMemory()
  private var free: [[UnsafeMutablePointer<Float>]] = []

  /// Eight capacities an octave: class 8e + m holds (8 + m) · 2^(e+3) elements.
  static func capacity(ofClass sizeClass: Int) -> Int {
    (8 + sizeClass % 8) << (sizeClass / 8 + 3)
  }

  /// The smallest class with room for `count` elements.
  static func sizeClass(for count: Int) -> Int {
    guard count > 64 else { return 0 }
    let octave = Int.bitWidth - 1 - (count - 1).leadingZeroBitCount - 6
    let step = (count - 1) >> (octave + 3)
    return octave * 8 + (step - 8) + 1
  }

  mutating func take(_ count: Int) -> (UnsafeMutablePointer<Float>, Int) {
    let wanted = Self.sizeClass(for: count)
    for candidate in wanted..<max(wanted, min(wanted + 8, free.count)) {
      if let elements = free[candidate].popLast() {
        let bytes = Self.byteCount(ofClass: candidate)
        statistics.bytesInPool -= bytes
        use(bytes)
        return (elements, candidate)
      }
    }
    let bytes = Self.byteCount(ofClass: wanted)
    let isLarge = bytes >= 4 << 20
    var memory: UnsafeMutableRawPointer?
    guard posix_memalign(&memory, isLarge ? 2 << 20 : 64, bytes) == 0, let memory else {
      fatalError("out of memory: no room for a tensor of \(bytes) bytes")
    }
    if isLarge { madvise(memory, bytes, MADV_HUGEPAGE) }
    statistics.allocations += 1
    use(bytes)
    return (memory.assumingMemoryBound(to: Float.self), wanted)
  }

  mutating func giveBack(_ elements: UnsafeMutablePointer<Float>, sizeClass: Int) {
    while free.count <= sizeClass { free.append([]) }
    free[sizeClass].append(elements)
    let bytes = Self.byteCount(ofClass: sizeClass)
    statistics.bytesInUse -= bytes
    statistics.bytesInPool += bytes
  }

  mutating func releaseUnused() {
    for sizeClass in free.indices {
      for elements in free[sizeClass] { Glibc.free(elements) }
      free[sizeClass] = []
    }
    statistics.bytesInPool = 0
  }

  private static func byteCount(ofClass sizeClass: Int) -> Int {
    capacity(ofClass: sizeClass) * MemoryLayout<Float>.stride
  }

  private mutating func use(_ bytes: Int) {
    statistics.bytesInUse += bytes
    statistics.peakBytesInUse = max(statistics.peakBytesInUse, statistics.bytesInUse)
  }
}
