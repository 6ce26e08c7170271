import PEFTRuntime
import PEFTText

private let texts = [
  "", "a b", "it's  low\n", "<s> [MASK]<mask> <|endoftext|>",
  "\u{E9}e\u{301}\u{4E2D}\u{1F600}\u{0}",
]

/// Any bytes either are a `tokenizer.json` or a model of SentencePiece, or throw a `FileError`;
/// what is accepted encodes any text into ids of its vocabulary, and keeps to a maximum length.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzTokenizer(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = Array(UnsafeBufferPointer(start: start, count: count))
  let tokenizer =
    (try? Tokenizer(document: bytes, path: "fuzz"))
    ?? (try? Tokenizer(sentencePiece: bytes, order: .file, path: "fuzz"))
    ?? (try? Tokenizer(sentencePiece: bytes, order: .fairseq, path: "fuzz"))
  guard let tokenizer else { return 0 }
  let ids = 0..<Int32(tokenizer.vocabularySize)
  for text in texts {
    let encoding = tokenizer.encode(text, pair: "low b")
    precondition(encoding.ids.allSatisfy(ids.contains), "an id outside the vocabulary")
    precondition(encoding.typeIDs.count == encoding.ids.count, "a token without its type")
    let specials = tokenizer.template.pair.count - 2
    let cut = tokenizer.encode(text, pair: "low b", maximumLength: 6)
    precondition(cut.ids.count <= max(6, specials), "longer than the maximum length")
    precondition(cut.ids.count + cut.truncated == encoding.ids.count, "tokens were miscounted")
    _ = tokenizer.decode(encoding.ids)
    let words = tokenizer.encode(words: texts)
    precondition(words.wordIndices.count == words.ids.count, "a token without its word")
  }
  return 0
}
