import PEFTText

extension Tokenizer {
  /// Puts no special tokens around a text, as causal models are trained, unless the tokenizer's
  /// file asks for them.
  ///
  /// - Parameter end: the token that ends a text; nil leaves the vocabulary's own.
  mutating func leaveTextsBare(end: Int?) {
    hasTokenTypes = false
    guard special.begin != nil, namesSpecialTokens != true else { return }
    useBareTexts(end: end.map { Int32($0) } ?? special.end)
  }
}
