/// The place of a part in a batch that is computed in parts: what it contains, and what the parts
/// before it contain.
///
/// Dropout is a function of an element's place in the whole batch, so a batch has the same masks in
/// any number of parts.
public struct BatchPlace: Hashable, Sendable {
  /// The rows of the part's tokens among those of the batch.
  public let tokens: Range<Int>
  /// The part's examples among those of the batch.
  public let examples: Range<Int>
  /// The part's predicted rows among those of the batch; nil if there is one for each example.
  public let predicted: Range<Int>?
  /// The sum of the squared lengths of the sequences of the parts before it.
  public let squares: Int

  /// Creates the place of a part with these ranges.
  public init(tokens: Range<Int>, examples: Range<Int>, predicted: Range<Int>?, squares: Int) {
    self.tokens = tokens
    self.examples = examples
    self.predicted = predicted
    self.squares = squares
  }

  /// The rows that precede the `count` rows of a tensor in the whole batch. There is one row for
  /// each token, or for each predicted row, or else for each example. If a part has as many of
  /// these as tokens, it is taken to be for tokens.
  func rows(before count: Int) -> Int {
    count == tokens.count ? tokens.lowerBound : (predicted ?? examples).lowerBound
  }
}
