/// A hash table with open addressing from byte strings to 32-bit values. Keys can be added, but not
/// removed.
///
/// Look-ups take a pointer into the text, so a known word causes no allocation.
struct ByteTable: Sendable {
  private struct Entry {
    var hash: UInt64
    var start: Int32
    var length: Int32
    var value: Int32
  }

  private var entries: [Entry] = []
  private var slots: [Int32]
  private var bytes: [UInt8] = []

  static let hashSeed: UInt64 = 0xCBF2_9CE4_8422_2325

  init(minimumCapacity: Int = 16) {
    var size = 32
    while size < 2 * minimumCapacity { size *= 2 }
    slots = [Int32](repeating: -1, count: size)
    entries.reserveCapacity(minimumCapacity)
  }

  var count: Int { entries.count }

  /// FNV-1a, one byte at a time, so that the hashes of all prefixes come from one pass.
  @inline(__always)
  static func hash(_ hash: UInt64, adding byte: UInt8) -> UInt64 {
    (hash ^ UInt64(byte)) &* 0x100_0000_01B3
  }

  static func hash(_ key: UnsafeBufferPointer<UInt8>) -> UInt64 {
    key.reduce(hashSeed) { hash($0, adding: $1) }
  }

  /// The value of a key, whose hash must be `hash`; nil if the key is not in the table.
  func value(of key: UnsafeBufferPointer<UInt8>, hash: UInt64) -> Int32? {
    let mask = slots.count - 1
    var slot = Self.slot(hash, mask)
    while slots[slot] >= 0 {
      let entry = entries[Int(slots[slot])]
      if entry.hash == hash, Int(entry.length) == key.count, matches(entry, key) {
        return entry.value
      }
      slot = (slot + 1) & mask
    }
    return nil
  }

  /// Adds a key. If it is already in the table, changes nothing and returns false.
  @discardableResult
  mutating func insert(_ key: UnsafeBufferPointer<UInt8>, hash: UInt64, value: Int32) -> Bool {
    guard self.value(of: key, hash: hash) == nil else { return false }
    if 2 * (entries.count + 1) > slots.count { grow() }
    place(hash, Int32(entries.count))
    entries.append(
      Entry(
        hash: hash, start: Int32(bytes.count), length: Int32(key.count), value: value))
    bytes.append(contentsOf: key)
    return true
  }

  private func matches(_ entry: Entry, _ key: UnsafeBufferPointer<UInt8>) -> Bool {
    var position = Int(entry.start)
    for byte in key {
      if bytes[position] != byte { return false }
      position += 1
    }
    return true
  }

  private static func slot(_ hash: UInt64, _ mask: Int) -> Int {
    Int(truncatingIfNeeded: hash ^ (hash >> 32)) & mask
  }

  private mutating func place(_ hash: UInt64, _ index: Int32) {
    let mask = slots.count - 1
    var slot = Self.slot(hash, mask)
    while slots[slot] >= 0 { slot = (slot + 1) & mask }
    slots[slot] = index
  }

  private mutating func grow() {
    slots = [Int32](repeating: -1, count: 2 * slots.count)
    for (index, entry) in entries.enumerated() { place(entry.hash, Int32(index)) }
  }
}
