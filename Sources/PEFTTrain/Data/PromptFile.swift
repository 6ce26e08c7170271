import PEFTTensor

/// Prompts to be continued, with their references where the file has them.
public enum PromptFile {
  /// The prompts of the file at `path`: lines `prompt||completion`, JSON lines or a table with `prompt`
  /// (or a text) and maybe `completion`, or a text file with a prompt on each line. A reference is the
  /// example's pair.
  ///
  /// - Parameter format: nil goes by the extension; `text` means one prompt a line.
  public static func read(
    _ path: String, format: DataFormat? = nil, columns: ColumnSelection? = nil
  ) throws(FileError) -> [TextExample] {
    let usual = if let format { format } else { try DataFormat(extensionOf: path) }
    let isPlain = format == .text || (format == nil && usual == .tsv && path.hasSuffix(".txt"))
    let examples: [TextExample]
    if isPlain {
      let text = try ValidatedText(contentsOf: path)
      examples =
        format == nil && PromptLines.begin(text)
        ? try PromptLines.read(text, path: path) : lines(text)
    } else {
      examples = try DataReader.read(path: path, format: usual, columns: columns)
    }
    if let blank = examples.first(where: { $0.text.allSatisfy(\.isWhitespace) }) {
      throw FileError(
        .malformed, path: path, place: "line \(blank.line)", reason: "the prompt is empty",
        remedy: "fill it in, or take the line out")
    }
    guard !examples.isEmpty else {
      throw FileError(.malformed, path: path, reason: "there are no prompts in it")
    }
    return examples
  }

  private static func lines(_ text: ValidatedText) -> [TextExample] {
    var lines = text.withoutCarriageReturns.split(
      separator: "\n", omittingEmptySubsequences: false)
    if lines.last?.isEmpty == true { lines.removeLast() }
    return lines.enumerated().map { TextExample(text: String($1), line: $0 + 1) }
  }
}
