/// Decodes the bytes that byte-level tokens represent as text. Bytes that are not valid UTF-8
/// become U+FFFD.
struct ByteLevelDecoder: TokenDecoder {
  func decoded(_ tokens: [String]) -> [String] {
    [String(decoding: tokens.flatMap(ByteAlphabet.decode), as: UTF8.self)]
  }
}
