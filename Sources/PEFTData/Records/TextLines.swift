import PEFTTensor

/// Texts alone, one per line, without any other structure: tabs, commas and quotation marks are
/// part of the text.
enum TextLines {
  /// The lines as texts. Empty lines are allowed only at the end.
  static func read(_ text: ValidatedText, path: String) throws(FileError) -> [TextExample] {
    var examples: [TextExample] = []
    var emptyAt: Int?
    let lines = text.bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated() {
      let content = line.last == UInt8(ascii: "\r") ? line.dropLast() : line
      guard !content.isEmpty else {
        emptyAt = emptyAt ?? index + 1
        continue
      }
      if let emptyAt { throw emptyLine(emptyAt, path: path) }
      examples.append(TextExample(text: String(decoding: content, as: UTF8.self), line: index + 1))
    }
    return examples
  }
}
