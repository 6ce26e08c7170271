import Glibc

/// Memory for large buffers: one set of free address ranges, split and merged again, so that the
/// memory of a step's activations can be reused for its gradients, whatever their sizes.
///
/// A request takes the smallest range that fits, and the lowest of equal ones. A buffer that
/// outlives its neighbours instead takes the upper end of the highest range that fits, so that it
/// leaves no small gaps between them. Placement depends only on the order of requests, so equal
/// steps use equal addresses, and memory is requested from the system only when a step needs more
/// than any before it.
package struct BlockHeap: ~Copyable {
  /// Unused address ranges, ascending; no two are adjacent.
  private var free: [Range<UInt>] = []
  /// The start of the memory that was mapped last.
  private var edge: UInt?
  /// The number of bytes obtained from the system and not returned.
  package private(set) var heldBytes = 0
  /// The number of bytes in free ranges.
  package private(set) var freeBytes = 0

  /// Creates an empty heap.
  package init() {}

  /// The unit to which sizes and addresses are rounded up: a cache line.
  package static let alignment = 64
  private static let hugePage = 2 << 20
  private static let growth = 16 << 20

  /// The size of a block that holds `bytes`.
  package static func blockBytes(for bytes: Int) -> Int { bytes.roundedUp(toMultipleOf: alignment) }

  /// Returns a block of `bytes`, a multiple of the alignment, or nil if none is free. A block that
  /// `stays` comes from the upper end.
  package mutating func takeFree(_ bytes: Int, stays: Bool = false) -> UnsafeMutableRawPointer? {
    stays ? takeHighest(bytes) : takeSmallest(bytes)
  }

  private mutating func takeHighest(_ bytes: Int) -> UnsafeMutableRawPointer? {
    guard let place = free.lastIndex(where: { $0.count >= bytes }) else { return nil }
    let start = free[place].upperBound - UInt(bytes)
    if free[place].count == bytes {
      free.remove(at: place)
    } else {
      free[place] = free[place].lowerBound..<start
    }
    freeBytes -= bytes
    return UnsafeMutableRawPointer(bitPattern: start)
  }

  private mutating func takeSmallest(_ bytes: Int) -> UnsafeMutableRawPointer? {
    var best: Int?
    for (index, range) in free.enumerated()
    where range.count >= bytes && best.map({ range.count < free[$0].count }) ?? true {
      best = index
      if range.count == bytes { break }
    }
    guard let best else { return nil }
    let start = free[best].lowerBound
    if free[best].count == bytes {
      free.remove(at: best)
    } else {
      free[best] = start + UInt(bytes)..<free[best].upperBound
    }
    freeBytes -= bytes
    return UnsafeMutableRawPointer(bitPattern: start)
  }

  /// Returns a block of `bytes` to the heap.
  package mutating func giveBack(_ block: UnsafeMutableRawPointer, bytes: Int) {
    let start = UInt(bitPattern: block)
    insert(start..<start + UInt(bytes))
  }

  /// Returns a block of at least `bytes` zero bytes, mapped directly from the system, or nil if the
  /// system has no memory. Pages that are never written take no memory. Give back as many bytes as
  /// the block has.
  package mutating func takeZeros(_ bytes: Int) -> UnsafeMutableRawBufferPointer? {
    let size = bytes.roundedUp(toMultipleOf: Int(getpagesize()))
    guard let mapped = Self.map(size, flags: MAP_NORESERVE) else { return nil }
    madvise(mapped, size, MADV_NOHUGEPAGE)
    heldBytes += size
    return UnsafeMutableRawBufferPointer(start: mapped, count: size)
  }

  /// Gets memory from the system, in huge pages if available, so that a free range holds at least
  /// `bytes`. Returns false if the system has no memory.
  package mutating func grow(toHold bytes: Int) -> Bool {
    var size = max(
      Self.growth, (bytes - freeAtEdge).roundedUp(toMultipleOf: Self.hugePage))
    var mapped = mapBelowEdge(size)
    if mapped == nil {
      size = max(Self.growth, bytes.roundedUp(toMultipleOf: Self.hugePage))
      mapped = mapAnywhere(size)
    }
    guard let start = mapped else { return false }
    madvise(start, size, MADV_HUGEPAGE)
    edge = UInt(bitPattern: start)
    heldBytes += size
    insert(UInt(bitPattern: start)..<UInt(bitPattern: start + size))
    return true
  }

  /// The number of free bytes at the start of the memory that was mapped last.
  private var freeAtEdge: Int {
    edge.flatMap { edge in free.first { $0.lowerBound == edge }?.count } ?? 0
  }

  /// Maps `size` bytes directly below the memory that was mapped last, so that the two form one
  /// range.
  private func mapBelowEdge(_ size: Int) -> UnsafeMutableRawPointer? {
    guard let edge, edge > UInt(size),
      let wanted = UnsafeMutableRawPointer(bitPattern: edge - UInt(size))
    else { return nil }
    let mapped = Self.map(size, at: wanted, flags: MAP_FIXED_NOREPLACE)
    if let mapped, mapped != wanted {
      // A kernel before 4.17 treats the address as a hint.
      munmap(mapped, size)
      return nil
    }
    return mapped
  }

  private func mapAnywhere(_ size: Int) -> UnsafeMutableRawPointer? {
    // One extra huge page, to align the start to a huge page.
    guard let mapped = Self.map(size + Self.hugePage) else { return nil }
    let start = mapped.alignedUp(toMultipleOf: Self.hugePage)
    let before = start - mapped
    if before > 0 { munmap(mapped, before) }
    if before < Self.hugePage { munmap(start + size, Self.hugePage - before) }
    return start
  }

  private static func map(
    _ size: Int, at place: UnsafeMutableRawPointer? = nil, flags: Int32 = 0
  ) -> UnsafeMutableRawPointer? {
    let mapped = mmap(
      place, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0)
    return mapped == MAP_FAILED ? nil : mapped
  }

  /// Returns the free pages to the system.
  package mutating func releaseFree() {
    let page = UInt(getpagesize())
    for range in free {
      let pages =
        range.lowerBound.roundedUp(
          toMultipleOf: page)..<max(
          range.lowerBound.roundedUp(toMultipleOf: page), range.upperBound / page * page)
      guard !pages.isEmpty, let start = UnsafeMutableRawPointer(bitPattern: pages.lowerBound),
        munmap(start, pages.count) == 0
      else { continue }
      remove(pages)
      heldBytes -= pages.count
    }
  }

  /// The index of the first free range at or above `address`.
  private func place(of address: UInt) -> Int {
    var (low, high) = (0, free.count)
    while low < high {
      let middle = (low + high) / 2
      if free[middle].lowerBound < address { low = middle + 1 } else { high = middle }
    }
    return low
  }

  private mutating func insert(_ range: Range<UInt>) {
    var joined = range
    var place = place(of: range.lowerBound)
    if place < free.count, free[place].lowerBound == range.upperBound {
      joined = joined.lowerBound..<free.remove(at: place).upperBound
    }
    if place > 0, free[place - 1].upperBound == range.lowerBound {
      place -= 1
      joined = free.remove(at: place).lowerBound..<joined.upperBound
    }
    free.insert(joined, at: place)
    freeBytes += range.count
  }

  /// Removes part of a free range.
  private mutating func remove(_ part: Range<UInt>) {
    guard let place = free.firstIndex(where: { $0.contains(part.lowerBound) }) else { return }
    let whole = free.remove(at: place)
    let rests = [whole.lowerBound..<part.lowerBound, part.upperBound..<whole.upperBound]
    free.insert(contentsOf: rests.filter { !$0.isEmpty }, at: place)
    freeBytes -= part.count
  }
}

extension FixedWidthInteger {
  /// The value rounded up to a multiple of `unit`, which must be a power of two.
  fileprivate func roundedUp(toMultipleOf unit: Self) -> Self { (self + unit - 1) & ~(unit - 1) }
}
