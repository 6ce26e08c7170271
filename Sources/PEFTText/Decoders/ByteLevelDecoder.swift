/// The bytes that byte-level tokens stand for, as text; bytes that are not UTF-8 become U+FFFD.
struct ByteLevelDecoder: TokenDecoder {
  func decoded(_ tokens: [String]) -> [String] {
    [String(decoding: tokens.flatMap(ByteAlphabet.decode), as: UTF8.self)]
  }
}
