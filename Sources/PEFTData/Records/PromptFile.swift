import PEFTTensor

/// Reads prompts to continue, with their references if the file has them.
public enum PromptFile {
  /// The prompts of the file at `path`: lines `prompt||completion`, JSON lines or a table with
  /// `prompt` (or a text) and optionally `completion`, or a text file with one prompt per line. A
  /// reference is the example's pair.
  ///
  /// - Parameter format: if nil, the extension decides; `text` means one prompt per line.
  public static func read(
    _ path: String, format: DataFormat? = nil, columns: ColumnSelection? = nil
  ) throws(FileError) -> [TextExample] {
    let usual = if let format { format } else { try DataFormat(extensionOf: path) }
    let isPlain =
      format == .text || format == .pairs
      || (format == nil && usual == .tsv && path.lowercased().hasSuffix(".txt"))
    let examples: [TextExample]
    if isPlain {
      examples = try PromptLines.read(
        ValidatedText(contentsOf: path), path: path, needsCompletions: false)
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
}
