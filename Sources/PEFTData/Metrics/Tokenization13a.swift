/// The tokenization `13a` of mteval-v13a, as sacreBLEU 2 applies it before it counts.
///
/// Trailing white space goes; `<skipped>` and a hyphen before a line feed go, a line feed becomes a
/// space, and `&quot;`, `&amp;`, `&lt;` and `&gt;` become their characters, in this order. Then
/// each rule passes over the whole text from left to right, no match overlapping the one before:
///
/// 1. ASCII punctuation other than apostrophe, comma, hyphen and full stop stands alone;
/// 2. a comma or full stop after anything but an ASCII digit stands alone;
/// 3. a comma or full stop before anything but an ASCII digit stands alone;
/// 4. a hyphen after an ASCII digit stands alone.
///
/// What white space then separates is a token. Punctuation outside ASCII is content like a letter.
public enum Tokenization13a {
  /// The tokens of `text` in their order, none empty. O(length).
  public static func tokens(of text: String) -> [String] {
    var scalars = text.unicodeScalars[...]
    while let last = scalars.last, isSeparator(last) { scalars.removeLast() }
    var bytes = Array(String(scalars).utf8)
    for (pattern, replacement) in replacements {
      bytes = replacing(Array(pattern.utf8), by: Array(replacement.utf8), in: bytes)
    }
    bytes = [space] + bytes + [space]
    bytes = bytes.flatMap { isSymbol($0) ? [space, $0, space] : [$0] }
    bytes = replacingPairs(in: bytes, where: { !isDigit($0) && isPoint($1) }) {
      [$0, space, $1, space]
    }
    bytes = replacingPairs(in: bytes, where: { isPoint($0) && !isDigit($1) }) {
      [space, $0, space, $1]
    }
    bytes = replacingPairs(in: bytes, where: { isDigit($0) && $1 == UInt8(ascii: "-") }) {
      [$0, space, $1, space]
    }
    return String(decoding: bytes, as: UTF8.self).unicodeScalars.split(whereSeparator: isSeparator)
      .map { String($0) }
  }

  private static let replacements = [
    ("<skipped>", ""), ("-\n", ""), ("\n", " "), ("&quot;", "\""), ("&amp;", "&"), ("&lt;", "<"),
    ("&gt;", ">"),
  ]

  private static let space = UInt8(ascii: " ")

  /// White space as Python's `str.split` sees it: that of Unicode and the separators U+001C–U+001F.
  private static func isSeparator(_ scalar: Unicode.Scalar) -> Bool {
    scalar.properties.isWhitespace || (0x1C...0x1F).contains(scalar.value)
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

  private static func isPoint(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: ".") || byte == UInt8(ascii: ",")
  }

  private static func isSymbol(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x20...0x26, 0x28...0x2B, 0x2F, 0x3A...0x40, 0x5B...0x60, 0x7B...0x7E: true
    default: false
    }
  }

  private static func replacing(_ pattern: [UInt8], by replacement: [UInt8], in bytes: [UInt8])
    -> [UInt8]
  {
    guard bytes.contains(pattern[0]) else { return bytes }
    var result: [UInt8] = []
    var position = 0
    while position < bytes.count {
      if bytes[position...].starts(with: pattern) {
        result += replacement
        position += pattern.count
      } else {
        result.append(bytes[position])
        position += 1
      }
    }
    return result
  }

  /// Both bytes of a pair are ASCII or part of a longer character, which no rule can split: a pair
  /// that matches inserts spaces beside its ASCII byte, never inside the character next to it.
  private static func replacingPairs(
    in bytes: [UInt8], where matches: (UInt8, UInt8) -> Bool,
    by replacement: (UInt8, UInt8) -> [UInt8]
  ) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(bytes.count)
    var position = 0
    while position < bytes.count {
      if position + 1 < bytes.count, matches(bytes[position], bytes[position + 1]) {
        result += replacement(bytes[position], bytes[position + 1])
        position += 2
      } else {
        result.append(bytes[position])
        position += 1
      }
    }
    return result
  }
}
