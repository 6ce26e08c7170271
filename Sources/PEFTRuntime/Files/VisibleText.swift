/// Text from outside as a terminal or a page may show it.
///
/// Names in files may hold anything. Controls command a terminal, and marks of direction make a
/// line read as what it is not; everything that shows such a name passes through here.
package enum VisibleText {
  /// `text` without scalars that command a terminal, turn the direction of text, end a line or may
  /// not stand in XML: each becomes U+FFFD.
  package static func line(_ text: String) -> String {
    replacing(text, where: isUnsafe) { _ in "\u{FFFD}" }
  }

  /// The same for text of several lines, whose line feeds and tabs stay.
  package static func lines(_ text: String) -> String {
    replacing(text, where: isUnsafeInLines) { _ in "\u{FFFD}" }
  }

  /// A JSON document with such scalars, which stand nowhere but in its strings, as `\u` and four
  /// digits.
  package static func json(_ text: String) -> String {
    replacing(text, where: isUnsafeInLines) { scalar in
      let digits = String(scalar.value, radix: 16)
      return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    }
  }

  private static func replacing(
    _ text: String, where isUnsafe: (Unicode.Scalar) -> Bool,
    by replacement: (Unicode.Scalar) -> String
  ) -> String {
    guard text.unicodeScalars.contains(where: isUnsafe) else { return text }
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      guard isUnsafe(scalar) else {
        result.append(scalar)
        continue
      }
      for replaced in replacement(scalar).unicodeScalars { result.append(replaced) }
    }
    return String(result)
  }

  private static func isUnsafeInLines(_ scalar: Unicode.Scalar) -> Bool {
    scalar != "\n" && scalar != "\t" && isUnsafe(scalar)
  }

  private static func isUnsafe(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0..<0x20, 0x7F..<0xA0, 0x061C, 0x200E...0x200F, 0x2028...0x202E, 0x2066...0x2069,
      0xFFFE, 0xFFFF:
      true
    default: false
    }
  }
}
