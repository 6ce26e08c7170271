/// Splits a text at white space.
struct WhitespaceSplitter: TextSplitter {
  func split(_ text: UnsafeBufferPointer<UInt8>, isFirst: Bool, into words: inout WordEncoder) {
    var start = 0
    var position = 0
    while position < text.count {
      let (scalar, next) = text.scalar(at: position)
      if scalar.properties.isWhitespace {
        if position > start {
          words.take(text[part: start..<position], isFirst: isFirst && start == 0)
        }
        start = next
      }
      position = next
    }
    if position > start { words.take(text[part: start..<position], isFirst: isFirst && start == 0) }
  }
}
