import PEFTRuntime

/// Replaces every occurrence of a pattern.
struct Replace: TextNormalizer, TokenDecoder {
  private let pattern: TextPattern
  private let replacement: [UInt8]

  init(_ component: Component) throws(FileError) {
    pattern = try TextPattern(component)
    replacement = Array(try component.string("content").utf8)
    try component.checkGrowth(growth)
  }

  init(_ pattern: TextPattern, by replacement: String) {
    self.pattern = pattern
    self.replacement = Array(replacement.utf8)
  }

  var growth: Double { max(1, Double(replacement.count) / Double(pattern.leastCount)) }

  func normalized(_ text: String) -> String { replaced(text) }

  func decoded(_ tokens: [String]) -> [String] { tokens.map(replaced) }

  private func replaced(_ text: String) -> String {
    var text = text
    return text.withUTF8 { bytes in
      var result: [UInt8] = []
      result.reserveCapacity(bytes.count)
      var position = 0
      while position < bytes.count {
        let count = pattern.count(in: bytes, at: position)
        if count > 0 {
          result.append(contentsOf: replacement)
          position += count
        } else {
          result.append(bytes[position])
          position += 1
        }
      }
      return String(decoding: result, as: UTF8.self)
    }
  }
}
