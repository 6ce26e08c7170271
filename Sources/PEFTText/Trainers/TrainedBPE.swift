/// A byte-level vocabulary that was learned from texts.
public struct TrainedBPE: Hashable, Sendable {
  /// Two tokens that become one.
  public struct Merge: Hashable, Sendable {
    /// The first token.
    public let left: String
    /// The token behind it.
    public let right: String

    /// The merge of `left` and `right`.
    public init(left: String, right: String) {
      self.left = left
      self.right = right
    }
  }

  /// The tokens in the order of their ids: special tokens, bytes, results of merges.
  public let tokens: [String]
  /// The merges, the earliest first.
  public let merges: [Merge]
  /// How many of `tokens` are special tokens; they come first.
  public let specialTokenCount: Int
}
