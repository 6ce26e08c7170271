import PEFTTensor
import Testing

@Suite("Block heap")
struct BlockHeapTests {
  @Test("blocks never overlap, keep their contents, and merge again", arguments: 0..<8)
  func disjoint(seed: Int) throws {
    var random = SeededGenerator(seed: UInt64(seed), purpose: "blocks")
    let heap = SharedHeap()
    var held: [(block: UnsafeMutableRawPointer, bytes: Int, mark: UInt8)] = []
    func check(_ entry: (block: UnsafeMutableRawPointer, bytes: Int, mark: UInt8)) {
      let bytes = UnsafeRawBufferPointer(start: entry.block, count: entry.bytes)
      #expect(bytes.allSatisfy { $0 == entry.mark })
    }
    for step in 0..<600 {
      if held.count < 20 || Bool.random(using: &random) {
        let bytes = BlockHeap.blockBytes(for: Int.random(in: 1...300_000, using: &random))
        if heap.freeBytes == 0 { #expect(heap.takeFree(bytes) == nil) }
        var block = heap.takeFree(bytes)
        if block == nil {
          #expect(heap.grow(toHold: bytes))
          block = heap.takeFree(bytes)
        }
        let taken = try #require(block)
        #expect(UInt(bitPattern: taken) % UInt(BlockHeap.alignment) == 0)
        let mark = UInt8(step % 256)
        taken.initializeMemory(as: UInt8.self, repeating: mark, count: bytes)
        held.append((taken, bytes, mark))
      } else {
        let entry = held.remove(at: Int.random(in: held.indices, using: &random))
        check(entry)
        heap.giveBack(entry.block, bytes: entry.bytes)
      }
      #expect(heap.heldBytes == heap.freeBytes + held.reduce(0) { $0 + $1.bytes })
    }
    for entry in held {
      check(entry)
      heap.giveBack(entry.block, bytes: entry.bytes)
    }
    #expect(heap.freeBytes == heap.heldBytes)
    heap.releaseFree()
    #expect(heap.heldBytes == 0)
    #expect(heap.freeBytes == 0)
  }

  @Test("the space freed by two neighbours serves a block as large as both")
  func joins() throws {
    let heap = SharedHeap()
    #expect(heap.grow(toHold: 3 << 20))
    let held = heap.heldBytes
    let half = held / 2
    let first = try #require(heap.takeFree(half))
    let second = try #require(heap.takeFree(half))
    #expect(heap.takeFree(64) == nil)
    heap.giveBack(second, bytes: half)
    #expect(heap.takeFree(held) == nil)
    heap.giveBack(first, bytes: half)
    #expect(heap.takeFree(held) == min(first, second))
    #expect(heap.heldBytes == held)
  }

  @Test("free pages are returned, the blocks between them are kept")
  func releases() throws {
    let heap = SharedHeap()
    #expect(heap.grow(toHold: 1 << 20))
    let rest = heap.heldBytes - (1 << 20)
    let low = try #require(heap.takeFree(rest))
    let high = try #require(heap.takeFree(1 << 20))
    high.initializeMemory(as: UInt8.self, repeating: 7, count: 1 << 20)
    heap.giveBack(low, bytes: rest)
    heap.releaseFree()
    #expect(heap.freeBytes == 0)
    #expect(heap.heldBytes == 1 << 20)
    #expect(UnsafeRawBufferPointer(start: high, count: 1 << 20).allSatisfy { $0 == 7 })
    heap.giveBack(high, bytes: 1 << 20)
    #expect(heap.freeBytes == 1 << 20)
  }

  @Test("zeroed memory is zero, whatever was freed before, and is reused afterwards")
  func zeros() throws {
    let heap = SharedHeap()
    #expect(heap.grow(toHold: 1 << 20))
    let held = heap.heldBytes
    let used = try #require(heap.takeFree(1 << 20))
    used.initializeMemory(as: UInt8.self, repeating: 9, count: 1 << 20)
    heap.giveBack(used, bytes: 1 << 20)
    let zeros = try #require(heap.takeZeros(100_000))
    #expect(zeros.count >= 100_000)
    #expect(zeros.allSatisfy { $0 == 0 })
    #expect(heap.heldBytes == held + zeros.count)
    #expect(heap.freeBytes == held)
    heap.giveBack(try #require(zeros.baseAddress), bytes: zeros.count)
    #expect(heap.freeBytes == heap.heldBytes)
  }

  @Test("a request is served from the smallest range that fits")
  func bestFit() throws {
    let heap = SharedHeap()
    #expect(heap.grow(toHold: 1 << 20))
    let (large, gap, small) = (1 << 18, 1 << 12, 1 << 16)
    let first = try #require(heap.takeFree(large))
    _ = heap.takeFree(gap)
    let second = try #require(heap.takeFree(small))
    _ = heap.takeFree(gap)
    heap.giveBack(first, bytes: large)
    heap.giveBack(second, bytes: small)
    #expect(heap.takeFree(small - 64) == second)
    #expect(heap.takeFree(small) == first)
  }

  @Test("a long-lived block comes from the upper end of the highest range that fits")
  func stays() throws {
    let heap = SharedHeap()
    #expect(heap.grow(toHold: 1 << 20))
    let held = heap.heldBytes
    let (small, gap) = (1 << 16, 1 << 12)
    let low = try #require(heap.takeFree(small))
    _ = heap.takeFree(gap)
    let top = try #require(heap.takeFree(small, stays: true))
    #expect(top == low + held - small)
    heap.giveBack(low, bytes: small)
    #expect(heap.takeFree(small, stays: true) == top - small)
    #expect(heap.takeFree(small) == low)
  }

  @Test("memory added next to a free range adds only what is missing")
  func growsBesideFree() throws {
    let heap = SharedHeap()
    #expect(heap.grow(toHold: 40 << 20))
    let block = try #require(heap.takeFree(8 << 20, stays: true))
    let held = heap.heldBytes
    #expect(heap.grow(toHold: 60 << 20))
    #expect(heap.takeFree(60 << 20) != nil)
    #expect(heap.heldBytes - held == 28 << 20 || heap.heldBytes - held == 60 << 20)
    heap.giveBack(block, bytes: 8 << 20)
  }
}

/// A heap that test expectations may keep a reference to.
private final class SharedHeap {
  private var heap = BlockHeap()
  var heldBytes: Int { heap.heldBytes }
  var freeBytes: Int { heap.freeBytes }

  func takeFree(_ bytes: Int, stays: Bool = false) -> UnsafeMutableRawPointer? {
    heap.takeFree(bytes, stays: stays)
  }
  func giveBack(_ block: UnsafeMutableRawPointer, bytes: Int) { heap.giveBack(block, bytes: bytes) }
  func takeZeros(_ bytes: Int) -> UnsafeMutableRawBufferPointer? { heap.takeZeros(bytes) }
  func grow(toHold bytes: Int) -> Bool { heap.grow(toHold: bytes) }
  func releaseFree() { heap.releaseFree() }
}
