import PEFTTensor
import PEFTText

extension Tokenizer {
  /// Adds no special tokens to a text, in line with the training of causal models, unless the
  /// tokenizer's files ask for them.
  ///
  /// - Parameter end: the token that ends a text; nil keeps the one of the vocabulary. If the files
  ///   ask for special tokens, it counts only where they name none that ends a text.
  mutating func leaveTextsBare(end: Int?) {
    hasTokenTypes = false
    guard namesSpecialTokens != true else { return endTexts(with: end.map { Int32($0) }) }
    guard special.begin != nil || special.end == nil else { return }
    useBareTexts(end: end.map { Int32($0) } ?? special.end)
  }

  /// Rejects a tokenizer that puts no special tokens around a text; an encoder's heads read them.
  ///
  /// - Parameter directory: the directory of its files.
  func requireSpecialTokens(directory: String) throws(FileError) {
    guard namesSpecialTokens == false else { return }
    let complete = "tokenizer.json"
    let isComplete = files.contains(complete)
    throw FileError(
      .unsupported,
      path: directory + "/" + (isComplete ? complete : ModelFiles.tokenizerSettingsName),
      place: isComplete ? "post_processor" : "tokenizer_class",
      reason: "it puts no special tokens around a text, which this model's heads read",
      remedy: "use the file that came with the model")
  }
}
