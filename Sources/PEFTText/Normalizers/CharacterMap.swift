/// A compiled SentencePiece table: a double-array trie of the sequences to replace, followed by the
/// replacements, each terminated by a zero byte.
///
/// The bytes begin with the size of the trie in bytes, as a 32-bit little-endian number. A unit of
/// the trie has 32 bits:
///
///     bits 0–7    the byte that leads here
///     bit  8      a sequence ends here
///     bit  9      the offset is in steps of 256
///     bits 10–30  the offset to the children
///     bit  31     a leaf; bits 0–30 are where its replacement begins
struct CharacterMap: Sendable {
  private let units: [UInt32]
  private let replacements: [UInt8]

  /// Creates the table from `bytes`; nil if they are not a valid table.
  init?(_ bytes: [UInt8]) {
    guard bytes.count >= 4 else { return nil }
    func unit(_ start: Int) -> UInt32 {
      (0..<4).reduce(0) { $0 | UInt32(bytes[start + $1]) << UInt32(8 * $1) }
    }
    let size = Int(unit(0))
    guard size > 0, size % 4 == 0, size <= bytes.count - 4 else { return nil }
    units = stride(from: 4, to: 4 + size, by: 4).map(unit)
    replacements = Array(bytes[(4 + size)...])
    guard String(validating: replacements, as: UTF8.self) != nil else { return nil }
  }

  /// The replacement for the shortest sequence in the table with which `text` begins. Returns nil
  /// if there is none, or if the table points outside itself.
  func shortestMatch(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
    var node = Self.offset(units[0])
    for byte in text {
      guard byte != 0 else { return nil }
      node ^= Int(byte)
      guard units.indices.contains(node) else { return nil }
      let unit = units[node]
      guard unit & 0x8000_00FF == UInt32(byte) else { return nil }
      node ^= Self.offset(unit)
      guard units.indices.contains(node) else { return nil }
      if unit >> 8 & 1 == 1 { return replacement(at: Int(units[node] & 0x7FFF_FFFF)) }
    }
    return nil
  }

  private static func offset(_ unit: UInt32) -> Int {
    Int(unit >> 10) << Int((unit & 1 << 9) >> 6)
  }

  private func replacement(at start: Int) -> ArraySlice<UInt8>? {
    guard start <= replacements.count else { return nil }
    return replacements[start...].prefix { $0 != 0 }
  }
}
