/// A text, or a pair of texts, as token ids with the special tokens in place.
public struct Encoding: Hashable, Sendable {
  /// The tokens.
  public let ids: [Int32]
  /// For each token its type, by the model's template: 1 in the second text of a BERT pair, else 0.
  public let typeIDs: [Int32]
  /// How many tokens were cut off to keep to the maximum length.
  public let truncated: Int
  /// For each token of a text that was given as words, the index of its word; nil for special
  /// tokens of the template. Empty for other texts.
  public let wordIndices: [Int?]

  /// An encoding from its parts.
  public init(ids: [Int32], typeIDs: [Int32], truncated: Int, wordIndices: [Int?] = []) {
    self.ids = ids
    self.typeIDs = typeIDs
    self.truncated = truncated
    self.wordIndices = wordIndices
  }
}
