import PEFTRuntime

/// SentencePiece's treatment of blanks: each becomes a visible character, by default `▁`, which
/// begins a word. As a decoder, it turns these characters back into blanks.
struct Metaspace: TextSplitter, TokenDecoder {
  /// The texts to which the character is prepended, unless they already begin with it.
  enum Prefix: String {
    case always
    case never
    /// Only the beginning of the encoded text, not text that follows a special token found in it.
    case first
  }

  private let mark: [UInt8]
  private let prefix: Prefix
  private let splits: Bool

  init(_ component: Component) throws(FileError) {
    let mark = try component.string("replacement", default: "▁")
    guard mark.unicodeScalars.count == 1 else {
      throw component.malformed("replacement is not one character")
    }
    let scheme = try component.string(
      "prepend_scheme",
      default: component.flag("add_prefix_space", default: true) ? "always" : "never")
    guard let prefix = Prefix(rawValue: scheme) else {
      throw component.unsupported("prepend_scheme \"\(scheme)\"")
    }
    try self.init(mark: mark, prefix: prefix, splits: component.flag("split", default: true))
  }

  init(mark: String = "▁", prefix: Prefix, splits: Bool = true) {
    self.mark = Array(mark.utf8)
    self.prefix = prefix
    self.splits = splits
  }

  func split(_ text: UnsafeBufferPointer<UInt8>, isFirst: Bool, into words: inout WordEncoder) {
    var marked: [UInt8] = []
    marked.reserveCapacity(text.count + text.count / 2 + mark.count)
    var starts: [Int] = []
    for byte in text {
      if byte == UInt8(ascii: " ") { marked.append(contentsOf: mark) } else { marked.append(byte) }
    }
    let isPrefixed = prefix == .always || prefix == .first && isFirst
    if isPrefixed, !marked.starts(with: mark) { marked.insert(contentsOf: mark, at: 0) }
    marked.withUnsafeBufferPointer { marked in
      if splits {
        for position in stride(from: 1, to: marked.count - mark.count + 1, by: 1)
        where marked[position] == mark[0] && hasMark(marked, at: position) {
          starts.append(position)
        }
      }
      var start = 0
      for end in starts + [marked.count] {
        words.take(marked[part: start..<end], isFirst: isFirst && start == 0)
        start = end
      }
    }
  }

  private func hasMark(_ text: UnsafeBufferPointer<UInt8>, at position: Int) -> Bool {
    mark.indices.allSatisfy { text[position + $0] == mark[$0] }
  }

  func decoded(_ tokens: [String]) -> [String] {
    let mark = String(decoding: mark, as: UTF8.self).unicodeScalars.first
    return tokens.enumerated().map { index, token in
      var result = String.UnicodeScalarView()
      for scalar in token.unicodeScalars {
        if scalar != mark {
          result.append(scalar)
        } else if index > 0 || prefix == .never {
          result.append(" ")
        }
      }
      return String(result)
    }
  }
}
