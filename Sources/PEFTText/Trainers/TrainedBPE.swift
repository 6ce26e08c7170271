/// A byte-level vocabulary learned from texts.
public struct TrainedBPE: Hashable, Sendable {
  /// A merge of two tokens into one.
  public struct Merge: Hashable, Sendable {
    /// The first token.
    public let left: String
    /// The token that follows it.
    public let right: String

    /// Creates the merge of `left` and `right`.
    public init(left: String, right: String) {
      self.left = left
      self.right = right
    }
  }

  /// The tokens in the order of their ids: special tokens, bytes, results of merges.
  public let tokens: [String]
  /// The merges, the earliest first.
  public let merges: [Merge]
  /// The number of special tokens, which come first in `tokens`.
  public let specialTokenCount: Int
}
