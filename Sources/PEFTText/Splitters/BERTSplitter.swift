/// Splits a text into BERT's words: it splits at white space, and each punctuation mark is a word
/// of its own.
struct BERTSplitter: TextSplitter {
  func split(_ text: UnsafeBufferPointer<UInt8>, isFirst: Bool, into words: inout WordEncoder) {
    var start = 0
    var position = 0
    while position < text.count {
      let (scalar, next) = text.scalar(at: position)
      let isSpace = scalar.properties.isWhitespace
      if isSpace || UnicodeClasses.isPunctuation(scalar) {
        if start < position {
          words.take(text[part: start..<position], isFirst: isFirst && start == 0)
        }
        if !isSpace { words.take(text[part: position..<next], isFirst: isFirst && position == 0) }
        start = next
      }
      position = next
    }
    if start < position {
      words.take(text[part: start..<position], isFirst: isFirst && start == 0)
    }
  }
}
