import Foundation
import PEFTReport

/// Lays out the parser's messages for terminals narrower than 80 columns, for which the parser
/// leaves too little room: explanations stand below their options, and example commands are broken
/// with a backslash, so that they can be pasted.
enum HelpText {
  /// From this width on, the parser's own layout is used.
  private static let usualWidth = 80
  /// The column at which the parser begins explanations.
  private static let column = 26

  /// The message that `render` lays out for a number of columns, in lines of at most `width`;
  /// longer words are not broken.
  static func message(width: Int, _ render: (_ columns: Int) -> String) -> String {
    func text(_ columns: Int) -> String {
      let message = render(columns)
      return showsAll ? message : essentials(of: message)
    }
    guard width < usualWidth else {
      return text(width).split(separator: "\n", omittingEmptySubsequences: false)
        .flatMap { isUsage($0) ? usage(String($0), to: width) : [String($0)] }
        .joined(separator: "\n")
    }
    // So wide that every paragraph is one line.
    return narrowed(text(100_000), to: width)
  }

  /// Whether a line is a usage, which the parser does not wrap.
  private static func isUsage(_ line: Substring) -> Bool {
    line.hasPrefix("USAGE: ") || line.hasPrefix("Usage: ")
  }

  /// A usage in lines of at most `width` columns, each option beside its value.
  private static func usage(_ line: String, to width: Int) -> [String] {
    ReportText.wrapped(line.replacing(" <", with: "\u{A0}<"), to: width, indent: 7)
      .map { $0.replacing("\u{A0}", with: " ") }
  }

  /// A message whose paragraphs are a line each, in lines of at most `width` columns.
  private static func narrowed(_ message: String, to width: Int) -> String {
    var lines: [String] = []
    var command = ""
    for line in message.split(separator: "\n", omittingEmptySubsequences: false) {
      if !command.isEmpty || line.hasPrefix("  peft ") {
        command += (command.isEmpty ? "" : " ") + line.trimmingCharacters(in: .whitespaces)
        if command.hasSuffix("\\") {
          command = command.dropLast().trimmingCharacters(in: .whitespaces)
        } else {
          lines += broken(command, to: width)
          command = ""
        }
        continue
      }
      let text = line.trimmingCharacters(in: .whitespaces)
      let indent = line.prefix { $0 == " " }.count
      if indent == 2, isRow(line) {
        lines += ReportText.wrapped(String(line.prefix(column)), to: width, indent: 4)
        lines += ReportText.wrapped("    " + line.dropFirst(column), to: width, indent: 4)
      } else if indent >= 4 {
        lines += ReportText.wrapped("    " + text, to: width, indent: 4)
      } else {
        let margin = String(repeating: " ", count: indent)
        lines += ReportText.wrapped(
          margin + text, to: width, indent: indent > 0 || isUsage(line) ? indent + 2 : 0)
      }
    }
    return lines.joined(separator: "\n")
  }

  /// Whether a name stands at the start of the line, and its explanation at the parser's column.
  private static func isRow(_ line: Substring) -> Bool {
    let ends = Array(line.prefix(column + 1).suffix(3))
    guard line.count > column, ends[1] == " ", ends[2] != " " else { return false }
    return ends[0] == " " || line.hasPrefix("  -") || line.hasPrefix("  <")
  }

  /// A command in lines that end with a backslash, each option with its value.
  private static func broken(_ command: String, to width: Int) -> [String] {
    var parts: [String] = []
    for word in command.split(separator: " ") {
      let isLong = 4 + (parts.last?.count ?? 0) + 1 + word.count + 2 > width
      if let last = parts.last, !isLong, !word.hasPrefix("-"), last.hasPrefix("-"),
        !last.contains(" ")
      {
        parts[parts.count - 1] += " " + word
      } else {
        parts.append(String(word))
      }
    }
    var lines: [String] = []
    var line = ""
    for (index, part) in parts.enumerated() {
      let isLast = index == parts.count - 1
      if line.isEmpty {
        line = "  " + part
      } else if line.count + 1 + part.count + (isLast ? 0 : 2) <= width {
        line += " " + part
      } else {
        lines.append(line + " \\")
        line = "    " + part
      }
    }
    return lines + [line]
  }
}
