import PEFTText

extension Tokenizer {
  /// Adds no special tokens to a text, in line with the training of causal models, unless the
  /// tokenizer's files ask for them.
  ///
  /// - Parameter end: the token that ends a text; nil keeps the one of the vocabulary.
  mutating func leaveTextsBare(end: Int?) {
    hasTokenTypes = false
    guard namesSpecialTokens != true, special.begin != nil || special.end == nil else { return }
    useBareTexts(end: end.map { Int32($0) } ?? special.end)
  }
}
