/// Merges a long word in O(n log n), with a linked list of symbols and a heap of the pairs that can
/// be merged. The result is the same as that of the scan: the earliest merge first, and the
/// leftmost among equals.
struct LongWordMerger {
  private struct Candidate {
    let rank: Int32
    let left: Int
    let right: Int
    let leftSymbol: Int32
    let rightSymbol: Int32
    let result: Int32

    func isBefore(_ other: Candidate) -> Bool {
      rank != other.rank ? rank < other.rank : left < other.left
    }
  }

  private var symbols: [Int32]
  private var next: [Int]
  private var previous: [Int]
  private var heap: [Candidate] = []
  private let merges: MergeTable

  private static let removed: Int32 = -1

  init(_ symbols: [Int32], _ merges: MergeTable) {
    self.symbols = symbols
    self.merges = merges
    next = Array(1...max(1, symbols.count))
    previous = Array(-1..<symbols.count - 1)
    for index in symbols.indices { consider(index) }
    mergeAll()
  }

  /// The remaining symbols.
  var result: [Int32] { symbols.filter { $0 != Self.removed } }

  private mutating func mergeAll() {
    while let candidate = popFirst() {
      guard symbols[candidate.left] == candidate.leftSymbol,
        symbols[candidate.right] == candidate.rightSymbol,
        next[candidate.left] == candidate.right
      else { continue }
      symbols[candidate.left] = candidate.result
      symbols[candidate.right] = Self.removed
      next[candidate.left] = next[candidate.right]
      if next[candidate.left] < symbols.count { previous[next[candidate.left]] = candidate.left }
      consider(candidate.left)
      if previous[candidate.left] >= 0 { consider(previous[candidate.left]) }
    }
  }

  /// Adds the pair that begins at `left` to the heap if it can be merged.
  private mutating func consider(_ left: Int) {
    let right = next[left]
    guard right < symbols.count, let merge = merges.merge(symbols[left], symbols[right]) else {
      return
    }
    heap.append(
      Candidate(
        rank: merge.rank, left: left, right: right, leftSymbol: symbols[left],
        rightSymbol: symbols[right], result: merge.result))
    var child = heap.count - 1
    while child > 0, heap[child].isBefore(heap[(child - 1) / 2]) {
      heap.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  private mutating func popFirst() -> Candidate? {
    guard let first = heap.first else { return nil }
    let last = heap.removeLast()
    guard !heap.isEmpty else { return first }
    heap[0] = last
    var parent = 0
    while true {
      var best = parent
      for child in [2 * parent + 1, 2 * parent + 2]
      where child < heap.count && heap[child].isBefore(heap[best]) {
        best = child
      }
      guard best != parent else { return first }
      heap.swapAt(parent, best)
      parent = best
    }
  }
}
