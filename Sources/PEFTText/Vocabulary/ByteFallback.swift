/// The tokens `<0x00>` to `<0xFF>`, which represent the bytes of characters that a vocabulary
/// lacks.
struct ByteFallback: Sendable {
  private let ids: [Int32?]

  init(_ vocabulary: Vocabulary) {
    ids = (UInt8.min...UInt8.max).map { vocabulary.id(of: Self.token(of: $0)) }
  }

  /// Appends the tokens of all `bytes`. If one is missing, changes nothing and returns false.
  func append(_ bytes: UnsafeBufferPointer<UInt8>, to output: inout [Int32]) -> Bool {
    let count = output.count
    for byte in bytes {
      guard let id = ids[Int(byte)] else {
        output.removeSubrange(count...)
        return false
      }
      output.append(id)
    }
    return true
  }

  private static func token(of byte: UInt8) -> String {
    let digits = String(byte, radix: 16, uppercase: true)
    return "<0x" + (byte < 16 ? "0" : "") + digits + ">"
  }

  /// The byte that a token represents; nil for other tokens.
  static func byte(of token: String) -> UInt8? {
    let bytes = token.utf8
    guard bytes.count == 6, token.hasPrefix("<0x"), token.hasSuffix(">") else { return nil }
    return UInt8(token.dropFirst(3).dropLast(), radix: 16)
  }
}
