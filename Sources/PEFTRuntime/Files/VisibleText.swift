/// Makes text from outside safe to show in a terminal or on a page.
///
/// Names in files may contain any characters. Control characters command a terminal, and
/// directional marks make a line read differently from its bytes. All code that shows such a name
/// passes it through this type.
package enum VisibleText {
  /// `text` with U+FFFD for every scalar that commands a terminal, changes the direction of text,
  /// ends a line or is not allowed in XML.
  package static func line(_ text: String) -> String {
    replacing(text, where: isUnsafe) { _ in "\u{FFFD}" }
  }

  /// Like `line(_:)` for text of several lines: line feeds and tabs are kept.
  package static func lines(_ text: String) -> String {
    replacing(text, where: isUnsafeInLines) { _ in "\u{FFFD}" }
  }

  /// A JSON document with such scalars, which occur only inside its strings, written as `\u` and
  /// four digits.
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
