import Glibc

/// Memory for large buffers: one set of free address ranges, split and joined again, so that what
/// the activations of a step leave behind serves for its gradients, whatever their sizes.
///
/// A request takes the smallest range that holds it, of equals the lowest; or, for a buffer that
/// stays while those around it go, the upper end of the highest, so that it leaves no small gaps
/// between them. The order of requests alone decides, so equal steps take equal places and the
/// system is asked only where a step needs more than any before.
package struct BlockHeap: ~Copyable {
  /// Address ranges that nobody uses, ascending; no two touch.
  private var free: [Range<UInt>] = []
  /// Where the memory begins that was mapped last.
  private var edge: UInt?
  /// Bytes got from the system and not returned.
  package private(set) var heldBytes = 0
  /// Bytes in free ranges.
  package private(set) var freeBytes = 0

  /// A heap that holds nothing.
  package init() {}

  /// What sizes are rounded up to, and addresses: a cache line.
  package static let alignment = 64
  private static let hugePage = 2 << 20
  private static let growth = 16 << 20

  /// The size of a block that holds `bytes`.
  package static func blockBytes(for bytes: Int) -> Int { bytes.roundedUp(toMultipleOf: alignment) }

  /// A block of `bytes`, a multiple of the alignment; nil where none is free. One that
  /// `stays` comes from above.
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

  /// Takes back a block of `bytes`.
  package mutating func giveBack(_ block: UnsafeMutableRawPointer, bytes: Int) {
    let start = UInt(bitPattern: block)
    insert(start..<start + UInt(bytes))
  }

  /// A block of at least `bytes` of zeros, straight from the system: a page that is never written
  /// to takes no memory. Nil where there is none. Give back as many bytes as it has.
  package mutating func takeZeros(_ bytes: Int) -> UnsafeMutableRawBufferPointer? {
    let size = bytes.roundedUp(toMultipleOf: Int(getpagesize()))
    guard let mapped = Self.map(size, flags: MAP_NORESERVE) else { return nil }
    madvise(mapped, size, MADV_NOHUGEPAGE)
    heldBytes += size
    return UnsafeMutableRawBufferPointer(start: mapped, count: size)
  }

  /// Gets memory from the system so that a free range holds at least `bytes`, in huge pages where
  /// it has them; false where it has none.
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

  /// Bytes that are free where the memory begins that was mapped last.
  private var freeAtEdge: Int {
    edge.flatMap { edge in free.first { $0.lowerBound == edge }?.count } ?? 0
  }

  /// Maps `size` bytes below the memory that was mapped last, so that the two are one range.
  private func mapBelowEdge(_ size: Int) -> UnsafeMutableRawPointer? {
    guard let edge, edge > UInt(size),
      let wanted = UnsafeMutableRawPointer(bitPattern: edge - UInt(size))
    else { return nil }
    let mapped = Self.map(size, at: wanted, flags: MAP_FIXED_NOREPLACE)
    if let mapped, mapped != wanted {
      // A kernel before 4.17 takes the address for a hint.
      munmap(mapped, size)
      return nil
    }
    return mapped
  }

  private func mapAnywhere(_ size: Int) -> UnsafeMutableRawPointer? {
    // A huge page more, to begin at one.
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

  /// The place of the first free range at or above `address`.
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

  /// Removes a part of a free range.
  private mutating func remove(_ part: Range<UInt>) {
    guard let place = free.firstIndex(where: { $0.contains(part.lowerBound) }) else { return }
    let whole = free.remove(at: place)
    let rests = [whole.lowerBound..<part.lowerBound, part.upperBound..<whole.upperBound]
    free.insert(contentsOf: rests.filter { !$0.isEmpty }, at: place)
    freeBytes -= part.count
  }
}

extension FixedWidthInteger {
  /// The smallest multiple of `unit`, a power of two, that is not below.
  fileprivate func roundedUp(toMultipleOf unit: Self) -> Self { (self + unit - 1) & ~(unit - 1) }
}
