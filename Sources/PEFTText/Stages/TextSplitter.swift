/// The second stage of a tokenizer: splits a normalized text into the words that the model sees
/// one by one.
protocol TextSplitter: Sendable {
  /// Hands the words of `text`, valid UTF-8 that is not empty, to `words` in their order.
  ///
  /// - Parameter isFirst: whether `text` is the beginning of what is encoded.
  func split(_ text: UnsafeBufferPointer<UInt8>, isFirst: Bool, into words: inout WordEncoder)

  /// Whether the model is to see bytes and not characters.
  var isByteLevel: Bool { get }

  /// What the settings beside a `tokenizer.json` call this splitter's switches.
  var settings: [(name: String, value: Bool)] { get }
}

extension TextSplitter {
  var isByteLevel: Bool { false }
  var settings: [(name: String, value: Bool)] { [] }
}

extension UnsafeBufferPointer<UInt8> {
  /// The bytes in `range` as a text of its own.
  subscript(part range: Range<Int>) -> UnsafeBufferPointer<UInt8> {
    UnsafeBufferPointer(rebasing: self[range])
  }

  /// The character at a byte of valid UTF-8, and where the next one begins.
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
