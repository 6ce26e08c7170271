/// A text, or a pair of texts, as token ids with the special tokens in place.
public struct Encoding: Hashable, Sendable {
  /// The tokens.
  public let ids: [Int32]
  /// For each token 0, or 1 in the second text of a BERT pair.
  public let typeIDs: [Int32]
  /// How many tokens were cut off to keep to the maximum length.
  public let truncated: Int

  /// An encoding from its parts.
  public init(ids: [Int32], typeIDs: [Int32], truncated: Int) {
    self.ids = ids
    self.typeIDs = typeIDs
    self.truncated = truncated
  }
}
