import PEFTTensor

/// Lines `prompt||completion`, as in the E2E data. White space around both is dropped; empty lines are
/// allowed at the end only.
enum PromptLines {
  private static let separator = "||"

  /// Prompts as texts, completions as their pairs.
  static func read(_ text: ValidatedText, path: String) throws(FileError) -> [TextExample] {
    var examples: [TextExample] = []
    var emptyAt: Int?
    let lines = text.bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    for (index, bytes) in lines.enumerated() {
      let line = String(decoding: bytes, as: UTF8.self)
      func malformed(_ reason: String, _ remedy: String) -> FileError {
        FileError(
          .malformed, path: path, place: "line \(index + 1)", reason: reason, remedy: remedy)
      }
      guard !line.allSatisfy(\.isWhitespace) else {
        emptyAt = emptyAt ?? index + 1
        continue
      }
      if let emptyAt { throw emptyLine(emptyAt, path: path) }
      let parts = line.split(separator: separator, omittingEmptySubsequences: false)
      guard parts.count == 2 else {
        throw malformed(
          "\(parts.count - 1) times \"||\", once is due between prompt and completion",
          "for plain text, say --task language")
      }
      let (prompt, completion) = (trimmed(parts[0]), trimmed(parts[1]))
      guard !prompt.isEmpty else { throw malformed("the prompt is empty", "fill it in") }
      guard !completion.isEmpty else {
        throw malformed("the completion is empty", "fill it in, or take the line out")
      }
      examples.append(TextExample(text: prompt, pair: completion, line: index + 1))
    }
    return examples
  }

  /// Whether the first line with something on it is one of pairs.
  static func begin(_ text: ValidatedText) -> Bool {
    let lines = text.bytes.split(separator: UInt8(ascii: "\n"), maxSplits: 1000).lazy.map {
      String(decoding: $0, as: UTF8.self)
    }
    guard let first = lines.first(where: { !$0.allSatisfy(\.isWhitespace) }) else { return false }
    return first.split(separator: separator, omittingEmptySubsequences: false).count == 2
  }

  private static func trimmed(_ text: Substring) -> String {
    var text = text
    while text.first?.isWhitespace == true { text.removeFirst() }
    while text.last?.isWhitespace == true { text.removeLast() }
    return String(text)
  }
}
