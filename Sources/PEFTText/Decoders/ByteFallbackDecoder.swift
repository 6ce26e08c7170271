/// Joins tokens such as `<0xE2>` to the characters that their bytes are. A run of them that is not
/// UTF-8 becomes one U+FFFD a byte.
struct ByteFallbackDecoder: TokenDecoder {
  func decoded(_ tokens: [String]) -> [String] {
    var result: [String] = []
    var bytes: [UInt8] = []
    func end() {
      if let text = String(validating: bytes, as: UTF8.self) {
        if !text.isEmpty { result.append(text) }
      } else {
        result.append(String(repeating: "\u{FFFD}", count: bytes.count))
      }
      bytes.removeAll()
    }
    for token in tokens {
      if let byte = ByteFallback.byte(of: token) {
        bytes.append(byte)
      } else {
        end()
        result.append(token)
      }
    }
    end()
    return result
  }
}
