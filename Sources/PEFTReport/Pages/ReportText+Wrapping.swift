extension ReportText {
  /// `text` as lines of at most `width` characters, broken at spaces; all but the first begin with
  /// `indent` spaces, and the first with its own. A longer word has a line of its own.
  package static func wrapped(_ text: String, to width: Int, indent: Int = 0) -> [String] {
    guard text.count > width else { return [text] }
    let margin = String(repeating: " ", count: indent)
    var lines: [String] = []
    var line = String(text.prefix { $0 == " " })
    var isEmpty = true
    for word in text.split(separator: " ") {
      if !isEmpty, line.count + 1 + word.count > width {
        lines.append(line)
        (line, isEmpty) = (margin, true)
      }
      line += (isEmpty ? "" : " ") + word
      isEmpty = false
    }
    return lines + [line]
  }
}
