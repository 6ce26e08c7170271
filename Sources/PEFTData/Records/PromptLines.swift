import PEFTTensor

/// Lines `prompt||completion`, as in the E2E data. White space around both parts is dropped; empty
/// lines are allowed only at the end.
enum PromptLines {
  /// Prompts as texts, with completions as their pairs.
  ///
  /// - Parameter needsCompletions: if false, a line may consist of a prompt alone, with or without
  ///   a trailing `||`.
  static func read(
    _ text: ValidatedText, path: String, needsCompletions: Bool = true
  ) throws(FileError) -> [TextExample] {
    var examples: [TextExample] = []
    var emptyAt: Int?
    let lines = text.bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated() {
      func malformed(_ reason: String, _ remedy: String) -> FileError {
        FileError(
          .malformed, path: path, place: "line \(index + 1)", reason: reason, remedy: remedy)
      }
      guard !line.allSatisfy(isSpace) else {
        emptyAt = emptyAt ?? index + 1
        continue
      }
      if let emptyAt { throw emptyLine(emptyAt, path: path) }
      let bars = separators(in: line)
      guard bars.count == 1 || (bars.isEmpty && !needsCompletions) else {
        throw malformed(
          "\"||\" occurs \(bars.count) times, and not once between prompt and completion",
          "for plain text, say `task` language")
      }
      let prompt = trimmed(line[..<(bars.first ?? line.endIndex)])
      let completion = bars.first.map { trimmed(line[($0 + 2)...]) } ?? ""
      guard !prompt.isEmpty else { throw malformed("the prompt is empty", "fill it in") }
      guard !completion.isEmpty || !needsCompletions else {
        throw malformed("the completion is empty", "fill it in, or take the line out")
      }
      examples.append(
        TextExample(text: prompt, pair: completion.isEmpty ? nil : completion, line: index + 1))
    }
    return examples
  }

  /// Whether the first line that is not blank is a pair.
  static func begin(_ text: ValidatedText) -> Bool {
    let first = text.bytes.split(separator: UInt8(ascii: "\n"), maxSplits: 1000).first {
      !$0.allSatisfy(isSpace)
    }
    return first.map { separators(in: $0).count == 1 } ?? false
  }

  /// The positions of `||`; three bars in a row are two positions.
  private static func separators(in line: ArraySlice<UInt8>) -> [Int] {
    let bar = UInt8(ascii: "|")
    return line.indices.dropLast().filter { line[$0] == bar && line[$0 + 1] == bar }
  }

  private static func isSpace(_ byte: UInt8) -> Bool {
    byte == 0x20 || byte == 0x09 || byte == 0x0D
  }

  private static func trimmed(_ line: ArraySlice<UInt8>) -> String {
    var line = line
    while line.first.map(isSpace) == true { line.removeFirst() }
    while line.last.map(isSpace) == true { line.removeLast() }
    return String(decoding: line, as: UTF8.self)
  }
}
