/// The tokenization `13a` of mteval-v13a, as sacreBLEU 2 applies it before counting.
///
/// Trailing white space is removed. `<skipped>` and a hyphen before a line feed are removed, a line
/// feed becomes a space, and `&quot;`, `&amp;`, `&lt;` and `&gt;` become their characters, in this
/// order. Then each of these rules is applied to the whole text from left to right, without
/// overlapping matches:
///
/// 1. ASCII punctuation other than apostrophe, comma, hyphen and full stop is separated on both
///    sides;
/// 2. a comma or full stop after anything but an ASCII digit is separated on both sides;
/// 3. a comma or full stop before anything but an ASCII digit is separated on both sides;
/// 4. a hyphen after an ASCII digit is separated on both sides.
///
/// The tokens are then the parts between white space. Punctuation outside ASCII is treated like a
/// letter.
public enum Tokenization13a {
  /// The tokens of `text` in order; no token is empty. O(length).
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

  /// White space as defined by Python's `str.split`: Unicode white space and the separators
  /// U+001C–U+001F.
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

  /// Each byte of a pair is either ASCII or part of a longer character. No rule can split such a
  /// character: a match inserts spaces beside the pair's ASCII byte, never inside the character
  /// next to it.
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
