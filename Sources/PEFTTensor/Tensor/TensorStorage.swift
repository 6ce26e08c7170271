import Glibc
import Synchronization

/// A buffer of Float32 elements that tensors share. The only place that allocates and deallocates.
///
/// Buffers come from a process-wide pool and return to it when the last tensor lets go, so a
/// training step takes the memory of the step before it. Small capacities are rounded up to one of
/// eight sizes an octave, and a small request may take a buffer up to twice its size; large buffers
/// are cut from a heap. Contents are uninitialised.
final class TensorStorage: @unchecked Sendable {
  /// The first element, aligned to 64 bytes.
  let elements: UnsafeMutablePointer<Float>
  /// The number of elements there is room for.
  let capacity: Int

  /// - Parameter stays: whether it will be in use when buffers asked for at that time no longer
  ///   are; where it lies follows from it.
  init(count: Int, stays: Bool = false) {
    (elements, capacity) = Self.pool.withLock { $0.take(count, stays: stays) }
  }

  /// A buffer of zeros that takes memory only for the pages that are written to.
  init(zeroPagesFor count: Int) {
    (elements, capacity) = Self.pool.withLock { $0.takeZeroPages(count) }
  }

  deinit {
    let elements = elements
    let capacity = capacity
    Self.pool.withLock { $0.giveBack(elements, capacity: capacity) }
  }

  private static let pool = Mutex(StoragePool())

  static var statistics: TensorMemory { pool.withLock { $0.statistics } }

  static func releaseUnusedBuffers() { pool.withLock { $0.releaseUnused() } }

  static func resetPeak() { pool.withLock { $0.resetPeak() } }
}

/// Counters of the memory that tensors own, for tests, estimates and reports.
public struct TensorMemory: Hashable, Sendable {
  /// Requests of memory to the system since the process started.
  public fileprivate(set) var allocations = 0
  /// Bytes in buffers that tensors hold now.
  public fileprivate(set) var bytesInUse = 0
  /// The largest value of `bytesInUse` so far, or since `resetPeak()`.
  public fileprivate(set) var peakBytesInUse = 0
  /// Bytes obtained from the system that no tensor holds.
  public fileprivate(set) var bytesInPool = 0

  /// The counters now.
  public static var current: TensorMemory { TensorStorage.statistics }

  /// Lets `peakBytesInUse` start anew from what is in use.
  public static func resetPeak() { TensorStorage.resetPeak() }

  /// Returns the buffers that no tensor holds to the system.
  public static func releaseUnused() { TensorStorage.releaseUnusedBuffers() }

  /// Sets what ends the process where the system has no memory for a tensor or a thread. It gets
  /// the bytes asked for and must make no tensor. Without it that is a fatal error.
  public static func endProcess(by body: @escaping @Sendable (Int) -> Never) {
    OutOfMemory.endProcess(by: body)
  }
}

/// Buffers that wait for their next use: small ones by size class, large ones in a heap.
private struct StoragePool: ~Copyable, @unchecked Sendable {
  private var counters = TensorMemory()
  private var small: [[UnsafeMutablePointer<Float>]] = []
  private var large = BlockHeap()

  /// The classes below this one, up to 2^16 elements, are small.
  private static let firstLargeClass = sizeClass(for: 1 << 16) + 1

  var statistics: TensorMemory {
    var result = counters
    result.bytesInPool += large.freeBytes
    return result
  }

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

  /// A buffer with room for `count` elements, and its capacity.
  mutating func take(
    _ count: Int, stays: Bool = false
  ) -> (UnsafeMutablePointer<Float>, capacity: Int) {
    let wanted = Self.sizeClass(for: count)
    guard wanted < Self.firstLargeClass else { return takeLarge(count, stays: stays) }
    for candidate in wanted..<max(wanted, min(wanted + 8, small.count)) {
      if let elements = small[candidate].popLast() {
        let capacity = Self.capacity(ofClass: candidate)
        counters.bytesInPool -= Self.bytes(capacity)
        use(Self.bytes(capacity))
        return (elements, capacity)
      }
    }
    let capacity = Self.capacity(ofClass: wanted)
    var memory: UnsafeMutableRawPointer?
    guard posix_memalign(&memory, BlockHeap.alignment, Self.bytes(capacity)) == 0, let memory else {
      Self.failForWantOfMemory(Self.bytes(capacity))
    }
    counters.allocations += 1
    use(Self.bytes(capacity))
    return (memory.assumingMemoryBound(to: Float.self), capacity)
  }

  private mutating func takeLarge(
    _ count: Int, stays: Bool
  ) -> (UnsafeMutablePointer<Float>, capacity: Int) {
    let bytes = BlockHeap.blockBytes(for: Self.bytes(count))
    var block = large.takeFree(bytes, stays: stays)
    if block == nil {
      guard large.grow(toHold: bytes) else { Self.failForWantOfMemory(bytes) }
      counters.allocations += 1
      block = large.takeFree(bytes, stays: stays)
    }
    guard let block else { preconditionFailure("TensorStorage: a heap that grew has no room") }
    use(bytes)
    return (
      block.bindMemory(to: Float.self, capacity: bytes / Self.bytes(1)),
      bytes / Self.bytes(1)
    )
  }

  /// The same from pages of zeros. Small buffers are not worth pages of their own.
  mutating func takeZeroPages(_ count: Int) -> (UnsafeMutablePointer<Float>, capacity: Int) {
    guard Self.sizeClass(for: count) >= Self.firstLargeClass else {
      let (elements, capacity) = take(count)
      elements.update(repeating: 0, count: count)
      return (elements, capacity)
    }
    guard let block = large.takeZeros(Self.bytes(count)),
      let elements = block.bindMemory(to: Float.self).baseAddress
    else { Self.failForWantOfMemory(Self.bytes(count)) }
    counters.allocations += 1
    use(block.count)
    return (elements, block.count / Self.bytes(1))
  }

  mutating func giveBack(_ elements: UnsafeMutablePointer<Float>, capacity: Int) {
    let bytes = Self.bytes(capacity)
    counters.bytesInUse -= bytes
    let sizeClass = Self.sizeClass(for: capacity)
    guard sizeClass < Self.firstLargeClass else {
      large.giveBack(elements, bytes: bytes)
      return
    }
    while small.count <= sizeClass { small.append([]) }
    small[sizeClass].append(elements)
    counters.bytesInPool += bytes
  }

  mutating func resetPeak() { counters.peakBytesInUse = counters.bytesInUse }

  mutating func releaseUnused() {
    for sizeClass in small.indices {
      for elements in small[sizeClass] { Glibc.free(elements) }
      small[sizeClass] = []
    }
    counters.bytesInPool = 0
    large.releaseFree()
  }

  private static func bytes(_ count: Int) -> Int { count * MemoryLayout<Float>.stride }

  private mutating func use(_ bytes: Int) {
    counters.bytesInUse += bytes
    counters.peakBytesInUse = max(counters.peakBytesInUse, counters.bytesInUse)
  }

  private static func failForWantOfMemory(_ bytes: Int) -> Never {
    OutOfMemory.end(bytes)
  }
}
