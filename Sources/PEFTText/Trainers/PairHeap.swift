/// The pairs that can be merged, the most frequent first; among equals, the one with the smaller
/// symbols. The count in an entry may be outdated: it is the one that the pair had when it was last
/// examined.
struct PairHeap {
  struct Entry {
    /// The count when the pair was last examined.
    var count: Int
    /// `PairCounts.key` of the pair.
    let key: UInt64
    /// The number of the pair.
    let pair: Int
    /// The words that contained the pair, without duplicates.
    let words: [Int32]

    func isBefore(_ other: Entry) -> Bool {
      count != other.count ? count > other.count : key < other.key
    }
  }

  private var entries: [Entry] = []

  /// The first entry.
  var first: Entry? { entries.first }

  mutating func insert(_ entry: Entry) {
    entries.append(entry)
    var child = entries.count - 1
    while child > 0, entries[child].isBefore(entries[(child - 1) / 2]) {
      entries.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  /// Changes the count of the first entry.
  mutating func updateFirst(to count: Int) {
    entries[0].count = count
    sink()
  }

  mutating func removeFirst() {
    let last = entries.removeLast()
    guard !entries.isEmpty else { return }
    entries[0] = last
    sink()
  }

  private mutating func sink() {
    var parent = 0
    while true {
      var best = parent
      for child in [2 * parent + 1, 2 * parent + 2]
      where child < entries.count && entries[child].isBefore(entries[best]) {
        best = child
      }
      guard best != parent else { return }
      entries.swapAt(parent, best)
      parent = best
    }
  }
}
