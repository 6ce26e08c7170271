/// Splits text into the words of byte-level BPE (Radford et al. 2019), the matches of
///
///     's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
///
/// The matches cover the text without gaps.
struct ByteLevelWords {
  private let text: UnsafeBufferPointer<UInt8>

  /// `text` must be valid UTF-8.
  init(_ text: UnsafeBufferPointer<UInt8>) { self.text = text }

  /// The end of the word that begins at `start`, which must lie before the end of the text.
  func end(ofWordAt start: Int) -> Int {
    if text[start] == UInt8(ascii: "'"), let end = contraction(at: start) { return end }
    let (kind, next) = character(at: start)
    guard kind == .space else { return run(of: kind, from: next) }
    if text[start] == UInt8(ascii: " "), next < text.count {
      let (following, end) = character(at: next)
      if following != .space { return run(of: following, from: end) }
    }
    return whitespace(from: start, second: next)
  }

  /// The end of white space. It stops before the last white-space character in front of a word,
  /// which belongs to the next match; at the end of the text it includes all.
  private func whitespace(from start: Int, second: Int) -> Int {
    var last = start
    var end = second
    while end < text.count {
      let (kind, next) = character(at: end)
      guard kind == .space else { return last == start ? second : last }
      last = end
      end = next
    }
    return end
  }

  private func run(of kind: UnicodeClasses.Kind, from start: Int) -> Int {
    var end = start
    while end < text.count {
      let (next, after) = character(at: end)
      guard next == kind else { break }
      end = after
    }
    return end
  }

  private func contraction(at start: Int) -> Int? {
    guard start + 1 < text.count else { return nil }
    let second = start + 2 < text.count ? text[start + 2] : 0
    switch (text[start + 1], second) {
    case (UInt8(ascii: "s"), _), (UInt8(ascii: "t"), _), (UInt8(ascii: "m"), _),
      (UInt8(ascii: "d"), _):
      return start + 2
    case (UInt8(ascii: "r"), UInt8(ascii: "e")), (UInt8(ascii: "v"), UInt8(ascii: "e")),
      (UInt8(ascii: "l"), UInt8(ascii: "l")):
      return start + 3
    default: return nil
    }
  }

  /// The kind of the character at `position`, and the position of the next one.
  @inline(__always)
  private func character(at position: Int) -> (UnicodeClasses.Kind, Int) {
    let byte = text[position]
    guard byte >= 0x80 else { return (Self.asciiKind(byte), position + 1) }
    let length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : 2
    var value = UInt32(byte) & (0x7F >> UInt32(length))
    for offset in 1..<length { value = value << 6 | UInt32(text[position + offset]) & 0x3F }
    let kind = Unicode.Scalar(value).map(UnicodeClasses.kind) ?? .other
    return (kind, position + length)
  }

  @inline(__always)
  private static func asciiKind(_ byte: UInt8) -> UnicodeClasses.Kind {
    switch byte {
    case 0x61...0x7A, 0x41...0x5A: .letter
    case 0x30...0x39: .number
    case 0x20, 0x09...0x0D: .space
    default: .other
    }
  }
}
