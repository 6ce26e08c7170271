/// Joins byte tokens such as `<0xE2>` into the characters that their bytes encode. In a run that is
/// not valid UTF-8, each byte becomes one U+FFFD.
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
