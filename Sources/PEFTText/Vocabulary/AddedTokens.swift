/// Tokens that are recognised in the raw text before any other stage, such as `<mask>`.
struct AddedTokens: Sendable {
  struct Token: Hashable, Sendable {
    let content: String
    /// The id; nil as long as none is known.
    var id: Int32?
    /// Whether the token absorbs the white space before it.
    var stripsLeft = false
    /// Whether the token absorbs the white space after it.
    var stripsRight = false
    /// Whether the token is recognised only if no letter, digit or underscore is next to it.
    var isWholeWord = false
    /// Whether the token is normalized and recognised after normalization.
    var isNormalized = false
    /// Whether the token is a special one, which some settings leave unrecognised.
    var isSpecial = false
  }

  /// A stretch of text, or a token found in it.
  enum Piece {
    case text(Range<Int>)
    case token(Int32)
  }

  let tokens: [Token]
  private let ids: [Int32]
  private let byFirstByte: [[Int]]
  private let bytes: [[UInt8]]

  /// Tokens without an id are left out.
  ///
  /// - Parameter normalized: converts a token to the form it has in the text.
  init(_ tokens: [Token], normalized: (String) -> String = { $0 }) {
    let tokens = tokens.filter { $0.id != nil }
    self.tokens = tokens
    ids = tokens.compactMap(\.id)
    bytes = tokens.map { Array(normalized($0.content).utf8) }
    var byFirstByte = [[Int]](repeating: [], count: 256)
    for index in tokens.indices.sorted(by: { [bytes] in bytes[$0].count > bytes[$1].count }) {
      if let first = bytes[index].first { byFirstByte[Int(first)].append(index) }
    }
    self.byFirstByte = byFirstByte
  }

  /// Splits `text`, which is valid UTF-8, at the tokens in it. The leftmost token comes first, and
  /// the longest at the same position.
  func pieces(of text: UnsafeBufferPointer<UInt8>) -> [Piece] {
    var pieces: [Piece] = []
    var start = 0
    var position = 0
    while position < text.count {
      guard let index = match(in: text, at: position) else {
        position += 1
        continue
      }
      let token = tokens[index]
      if token.isWholeWord, !isWholeWord(position..<position + bytes[index].count, in: text) {
        position += bytes[index].count
        continue
      }
      let end = token.stripsLeft ? Self.trimmedEnd(of: text, start..<position) : position
      if end > start { pieces.append(.text(start..<end)) }
      pieces.append(.token(ids[index]))
      position += bytes[index].count
      if token.stripsRight { position = Self.trimmedStart(of: text, position..<text.count) }
      start = position
    }
    if start < text.count { pieces.append(.text(start..<text.count)) }
    return pieces
  }

  private func match(in text: UnsafeBufferPointer<UInt8>, at position: Int) -> Int? {
    byFirstByte[Int(text[position])].first { index in
      let token = bytes[index]
      return position + token.count <= text.count
        && token.indices.allSatisfy { text[position + $0] == token[$0] }
    }
  }

  private func isWholeWord(_ range: Range<Int>, in text: UnsafeBufferPointer<UInt8>) -> Bool {
    var before = range.lowerBound - 1
    while before > 0, text[before] & 0xC0 == 0x80 { before -= 1 }
    if before >= 0, UnicodeClasses.isWordCharacter(text.scalar(at: before).0) { return false }
    return range.upperBound == text.count
      || !UnicodeClasses.isWordCharacter(text.scalar(at: range.upperBound).0)
  }

  private static func trimmedEnd(
    of text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>
  ) -> Int {
    let scalars = String(decoding: text[range], as: UTF8.self).unicodeScalars
    let kept = scalars.reversed().drop { $0.properties.isWhitespace }
    return range.lowerBound + kept.reduce(0) { $0 + UTF8.width($1) }
  }

  private static func trimmedStart(
    of text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>
  ) -> Int {
    var position = range.lowerBound
    while position < range.upperBound {
      let (scalar, next) = text.scalar(at: position)
      guard scalar.properties.isWhitespace else { break }
      position = next
    }
    return position
  }
}
