/// A text, or a pair of texts, as token ids including special tokens.
public struct Encoding: Hashable, Sendable {
  /// The token ids.
  public let ids: [Int32]
  /// The type of each token, from the model's template: 1 in the second text of a BERT pair,
  /// otherwise 0.
  public let typeIDs: [Int32]
  /// The number of tokens dropped to respect the maximum length.
  public let truncated: Int
  /// For a text given as words, the word index of each token; nil for the template's special
  /// tokens. Empty for other texts.
  public let wordIndices: [Int?]

  /// Creates an encoding from its parts.
  public init(ids: [Int32], typeIDs: [Int32], truncated: Int, wordIndices: [Int?] = []) {
    self.ids = ids
    self.typeIDs = typeIDs
    self.truncated = truncated
    self.wordIndices = wordIndices
  }
}
