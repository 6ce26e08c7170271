/// Parses the text that Swift prints for a value without a description of its own, such as
/// `steps(9)`, `trustRegion(reach: 0.001)` or `Module.Type.greedy`.
///
/// Version 1 of recipes has such texts; they are no longer written.
struct SwiftDescription {
  /// The name of the case or of the type, without its enclosing types and module.
  let name: String
  private let fields: [(label: String, text: String)]

  /// Parses `text`; nil if its parentheses do not match.
  init?(_ text: String) {
    let open = text.firstIndex(of: "(")
    name = text[..<(open ?? text.endIndex)].split(separator: ".").last.map(String.init) ?? ""
    guard let open else {
      fields = []
      return
    }
    guard text.last == ")", let parts = Self.parts(text[text.index(after: open)...].dropLast())
    else { return nil }
    fields = parts.map { part in
      // A label is a word; a colon further inside belongs to a value.
      let label = part.prefix { $0.isLetter }
      guard part.dropFirst(label.count).hasPrefix(": ") else { return ("", String(part)) }
      return (String(label), String(part.dropFirst(label.count + 2)))
    }
  }

  /// The text of the value with this label, without `Optional(…)` around an optional value; the
  /// empty label selects the unlabelled value. Nil if there is no such value, or if it is `nil`.
  subscript(label: String) -> String? {
    guard let text = fields.first(where: { $0.label == label })?.text, text != "nil" else {
      return nil
    }
    guard text.hasPrefix("Optional("), text.hasSuffix(")") else { return text }
    return String(text.dropFirst("Optional(".count).dropLast())
  }

  /// The parts between commas outside parentheses; nil if the parentheses do not match.
  private static func parts(_ text: Substring) -> [Substring]? {
    var parts: [Substring] = []
    var (depth, start) = (0, text.startIndex)
    for index in text.indices {
      switch text[index] {
      case "(": depth += 1
      case ")": depth -= 1
      case "," where depth == 0:
        parts.append(text[start..<index])
        start = text.index(after: index)
      default: break
      }
      if depth < 0 { return nil }
    }
    guard depth == 0 else { return nil }
    return (parts + [text[start...]]).map { $0.drop { $0 == " " } }
  }
}
