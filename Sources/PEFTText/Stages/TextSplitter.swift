/// The second stage of a tokenizer: splits a normalized text into the words that the model encodes
/// one by one.
protocol TextSplitter: Sendable {
  /// Passes the words of `text`, which is valid UTF-8 and not empty, to `words` in order.
  ///
  /// - Parameter isFirst: whether `text` is the beginning of the encoded text.
  func split(_ text: UnsafeBufferPointer<UInt8>, isFirst: Bool, into words: inout WordEncoder)

  /// Whether the model should receive bytes instead of characters.
  var isByteLevel: Bool { get }

  /// The names of this splitter's switches in `tokenizer_config.json`, with their values.
  var settings: [(name: String, value: Bool)] { get }
}

extension TextSplitter {
  var isByteLevel: Bool { false }
  var settings: [(name: String, value: Bool)] { [] }
}

extension UnsafeBufferPointer<UInt8> {
  /// The bytes in `range` as a separate text.
  subscript(part range: Range<Int>) -> UnsafeBufferPointer<UInt8> {
    UnsafeBufferPointer(rebasing: self[range])
  }

  /// The character at a position in valid UTF-8, and the position of the next one.
  @inline(__always)
  func scalar(at position: Int) -> (Unicode.Scalar, next: Int) {
    let byte = self[position]
    guard byte >= 0x80 else { return (Unicode.Scalar(byte), position + 1) }
    let length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : 2
    var value = UInt32(byte) & (0x7F >> UInt32(length))
    for offset in 1..<length { value = value << 6 | UInt32(self[position + offset]) & 0x3F }
    return (Unicode.Scalar(value) ?? "\u{FFFD}", position + length)
  }
}
