import Glibc
import Synchronization

/// A buffer of Float32 elements that tensors share. The only place that allocates and deallocates
/// tensor memory, apart from memory that processes share.
///
/// Buffers come from a process-wide pool and return to it when the last tensor releases them, so a
/// training step reuses the memory of the previous one. Small capacities are rounded up to one of
/// eight sizes for each power of two, and a small request may take a buffer of up to twice its
/// size. Large buffers are taken from a heap. Contents are uninitialised.
final class TensorStorage: @unchecked Sendable {
  /// The first element, aligned to 64 bytes.
  let elements: UnsafeMutablePointer<Float>
  /// The number of elements that fit in the buffer.
  let capacity: Int
  /// The memory of the elements if they do not come from the pool.
  private let shared: SharedMemory?

  /// - Parameter stays: whether the buffer outlives those requested around the same time. This
  ///   determines its address.
  init(count: Int, stays: Bool = false) {
    shared = nil
    (elements, capacity) = Self.pool.withLock { $0.take(count, stays: stays) }
  }

  /// Creates a buffer in memory that several processes share. The counters leave it out.
  init(_ shared: SharedMemory) {
    self.shared = shared
    let floats = shared.bytes.bindMemory(to: Float.self)
    guard let start = floats.baseAddress else { preconditionFailure("TensorStorage: no memory") }
    (elements, capacity) = (start, floats.count)
  }

  /// Creates a buffer of zeros that takes memory only for the pages that are written.
  init(zeroPagesFor count: Int) {
    shared = nil
    (elements, capacity) = Self.pool.withLock { $0.takeZeroPages(count) }
  }

  deinit {
    guard shared == nil else { return }
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
  /// The number of memory requests to the system since the process started.
  public fileprivate(set) var allocations = 0
  /// The number of bytes in buffers that tensors hold now.
  public fileprivate(set) var bytesInUse = 0
  /// The largest value of `bytesInUse` so far, or since `resetPeak()`.
  public fileprivate(set) var peakBytesInUse = 0
  /// The number of bytes obtained from the system that no tensor holds.
  public fileprivate(set) var bytesInPool = 0

  /// The current values of the counters.
  public static var current: TensorMemory { TensorStorage.statistics }

  /// Resets `peakBytesInUse` to the bytes in use now.
  public static func resetPeak() { TensorStorage.resetPeak() }

  /// Returns all buffers that no tensor holds to the system.
  public static func releaseUnused() { TensorStorage.releaseUnusedBuffers() }

  /// Sets the function that ends the process if the system has no memory for a tensor or a thread.
  ///
  /// It receives the number of bytes requested, or the size of a thread's stack, and must not
  /// create tensors. By default, running out of memory is a fatal error.
  public static func endProcess(by body: @escaping @Sendable (Int) -> Never) {
    OutOfMemory.endProcess { need in
      switch need {
      case .memory(let bytes): body(bytes)
      case .thread: body(WorkerPool.stackBytes)
      }
    }
  }
}

/// Buffers that are ready for reuse: small ones by size class, large ones in a heap.
private struct StoragePool: ~Copyable, @unchecked Sendable {
  private var counters = TensorMemory()
  private var small: [[UnsafeMutablePointer<Float>]] = []
  private var large = BlockHeap()

  /// Size classes below this one, up to 2^16 elements, are small.
  private static let firstLargeClass = sizeClass(for: 1 << 16) + 1

  var statistics: TensorMemory {
    var result = counters
    result.bytesInPool += large.freeBytes
    return result
  }

  /// The capacity of a size class, eight for each power of two: class 8e + m holds
  /// (8 + m) · 2^(e+3) elements.
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

  /// Returns a buffer with room for `count` elements, and its capacity.
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

  /// Returns a buffer of zeros with room for `count` elements, and its capacity. A small buffer is
  /// zeroed instead of getting pages of its own.
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
    OutOfMemory.end(.memory(bytes))
  }
}
