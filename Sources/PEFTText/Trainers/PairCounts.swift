/// The counts of adjacent symbols, in a hash table with open addressing on the pair. Pairs are
/// numbered in the order in which they are first seen.
struct PairCounts {
  private var slots: [Int32]
  private(set) var keys: [UInt64] = []
  /// The count of each pair, indexed by its number.
  var counts: [Int] = []

  private static let empty: Int32 = -1

  init() { slots = [Int32](repeating: Self.empty, count: 1 << 14) }

  /// The pair as a single number, ordered by left, then right.
  @inline(__always)
  static func key(_ left: Int32, _ right: Int32) -> UInt64 {
    UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
  }

  /// The symbols of a pair.
  func symbols(of pair: Int) -> (left: Int32, right: Int32) {
    let key = keys[pair]
    return (
      Int32(bitPattern: UInt32(key >> 32)), Int32(bitPattern: UInt32(truncatingIfNeeded: key))
    )
  }

  /// Adds to the count of a pair and returns its number.
  @inline(__always)
  @discardableResult
  mutating func add(_ left: Int32, _ right: Int32, _ count: Int) -> Int {
    let key = Self.key(left, right)
    var slot = slot(of: key)
    while slots[slot] != Self.empty {
      let pair = Int(slots[slot])
      if keys[pair] == key {
        counts[pair] += count
        return pair
      }
      slot = (slot + 1) & (slots.count - 1)
    }
    slots[slot] = Int32(keys.count)
    keys.append(key)
    counts.append(count)
    if 2 * keys.count > slots.count { grow() }
    return keys.count - 1
  }

  private mutating func grow() {
    slots = [Int32](repeating: Self.empty, count: 2 * slots.count)
    for (pair, key) in keys.enumerated() {
      var slot = slot(of: key)
      while slots[slot] != Self.empty { slot = (slot + 1) & (slots.count - 1) }
      slots[slot] = Int32(pair)
    }
  }

  @inline(__always)
  private func slot(of key: UInt64) -> Int {
    let mixed = key &* 0x9E37_79B9_7F4A_7C15
    return Int(truncatingIfNeeded: mixed >> 32) & (slots.count - 1)
  }
}
