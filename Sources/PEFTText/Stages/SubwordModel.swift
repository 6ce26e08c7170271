/// The third stage of a tokenizer: makes tokens of one word.
protocol SubwordModel: Sendable {
  /// The tokens and their ids, added ones included.
  var vocabulary: Vocabulary { get }

  /// Appends the tokens of `word`, valid UTF-8 that is not empty. They must depend on the word
  /// alone, as the tokens of words met before are remembered.
  func appendTokens(of word: UnsafeBufferPointer<UInt8>, to ids: inout [Int32])

  /// Turns the model's tokens back into text where a file does not say how.
  var usualDecoder: any TokenDecoder { get }
}
