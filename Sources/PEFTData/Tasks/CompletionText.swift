import PEFTTensor
import PEFTText

/// Prompts and completions in the form that causal models see:
///
///     prompt <|endoftext|> completion <|endoftext|>
///
/// A special token that the model wants before a text precedes the prompt. The completion begins
/// with a space, so that its first word is the same token as inside a text, unless the tokenizer
/// puts one before every text. The model learns the completion and the token that ends it.
public struct CompletionText {
  private let tokenizer: Tokenizer

  /// Creates texts for the model with this tokenizer.
  public init(tokenizer: Tokenizer) { self.tokenizer = tokenizer }

  /// The tokens of a prompt, after which a completion is to follow.
  public func prompt(_ text: String) -> [Int32] {
    Array(tokenizer.encode(text).ids.dropLast(tokenizer.template.countBehind))
      + (tokenizer.special.end.map { [$0] } ?? [])
  }

  /// The text of generated tokens, without the space with which completions begin.
  public func completion(_ ids: [Int32]) -> String {
    let text = tokenizer.decode(ids)
    return text.hasPrefix(" ") ? String(text.dropFirst()) : text
  }

  /// Rows as sequences of at most `maximumLength` tokens; longer completions are truncated.
  func encode(
    _ rows: TaskReader.Rows, isCausal: Bool, maximumLength: Int
  ) throws(FileError) -> EncodedDataset {
    guard isCausal, let end = tokenizer.special.end else {
      throw FileError(
        .unsupported, path: rows.path,
        reason: "completions need a causal model, such as GPT-2",
        remedy:
          "use a decoder such as GPT-2, Llama or Qwen, or `task` classification on labelled data")
    }
    let (before, behind) = (tokenizer.template.countBefore, tokenizer.template.countBehind)
    /// The tokens of texts, without special ones.
    func bare(_ texts: [String]) -> [[Int32]] {
      tokenizer.encode(texts.map { ($0, nil) }).map {
        Array($0.ids.dropFirst(before).dropLast(behind))
      }
    }
    let words = bare(["a", "a a"])
    let space = words[1] == words[0] + words[0] ? "" : " "
    let prompts = tokenizer.encode(rows.examples.map { ($0.text, nil) })
    let completions = bare(rows.examples.map { space + ($0.pair ?? "") })
    var sequences: [[Int32]] = []
    var starts: [Int] = []
    var (truncatedCount, longest) = (0, 0)
    for (index, example) in rows.examples.enumerated() {
      func malformed(_ reason: String, _ remedy: String) -> FileError {
        FileError(
          .malformed, path: rows.path, place: "line \(example.line)", reason: reason,
          remedy: remedy)
      }
      guard let pair = example.pair else {
        throw malformed(
          "a prompt without a completion",
          "give every row a completion, or say `task` language")
      }
      guard !pair.allSatisfy(\.isWhitespace) else {
        throw malformed("the completion is empty", "fill it in, or take the row out")
      }
      let prompt = Array(prompts[index].ids.dropLast(behind))
      let start = prompt.count + 1
      guard start < maximumLength else {
        throw malformed(
          "the prompt has \(start - 1) tokens and leaves no room for a completion in "
            + "\(maximumLength)", "shorten it, or raise `max-length` as far as the model allows")
      }
      let whole = prompt + [end] + completions[index] + [end]
      if whole.count > maximumLength { truncatedCount += 1 }
      longest = max(longest, whole.count)
      sequences.append(Array(whole.prefix(maximumLength)))
      starts.append(start)
    }
    return EncodedDataset(
      completions: sequences, predictedFrom: starts, truncatedCount: truncatedCount,
      longest: longest)
  }
}
