/// One row of a file of prompts and the texts that shall follow them.
public struct PromptExample: Hashable, Sendable {
  /// The text that is given, without white space at its ends.
  public let prompt: String
  /// The text that shall follow, without white space at its ends.
  public let completion: String
  /// The line of the row, from 1.
  public let line: Int

  /// A row of the file's line `line`.
  public init(prompt: String, completion: String, line: Int) {
    self.prompt = prompt
    self.completion = completion
    self.line = line
  }
}
