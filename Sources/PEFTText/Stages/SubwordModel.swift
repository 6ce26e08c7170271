/// The third stage of a tokenizer: splits a word into tokens.
protocol SubwordModel: Sendable {
  /// The tokens and their ids, including added tokens.
  var vocabulary: Vocabulary { get }

  /// Appends the tokens of `word`, which is valid UTF-8 and not empty. They must depend only on the
  /// word, because the tokens of earlier words are cached.
  func appendTokens(of word: UnsafeBufferPointer<UInt8>, to ids: inout [Int32])

  /// The decoder for the model's tokens if a file does not define one.
  var usualDecoder: any TokenDecoder { get }
}
