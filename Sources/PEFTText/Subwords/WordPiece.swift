/// BERT's tokenization (Devlin et al. 2018): words are cut at white space and around punctuation,
/// then the longest piece that the vocabulary knows is taken from the left, again and again; a word
/// where that fails is unknown as a whole.
struct WordPiece: Sendable {
  let vocabulary: Vocabulary
  let normalizer: BERTNormalizer
  let unknown: Int32
  private let continuation: [UInt8]
  private let longestWord: Int

  init(
    vocabulary: Vocabulary, normalizer: BERTNormalizer, unknown: Int32, continuation: String = "##",
    longestWord: Int = 100
  ) {
    self.vocabulary = vocabulary
    self.normalizer = normalizer
    self.unknown = unknown
    self.continuation = Array(continuation.utf8)
    self.longestWord = longestWord
  }

  /// Appends the tokens of `text`, without special tokens in it.
  func encode(_ text: String, cache: inout WordCache, into ids: inout [Int32]) {
    Self.forEachWord(of: normalizer(text)) { word in
      encode(word: word, cache: &cache, into: &ids)
    }
  }

  /// Calls `body` with the words of a normalized text: what stands between white space, punctuation
  /// marks apart.
  static func forEachWord(
    of text: consuming String, _ body: (UnsafeBufferPointer<UInt8>) -> Void
  ) {
    text.withUTF8 { text in
      func pass(_ range: Range<Int>) {
        if !range.isEmpty { body(UnsafeBufferPointer(rebasing: text[range])) }
      }
      var start = 0
      var position = 0
      while position < text.count {
        let (scalar, next) = Self.scalar(in: text, at: position)
        let isSpace = scalar.properties.isWhitespace
        if isSpace || UnicodeClasses.isPunctuation(scalar) {
          pass(start..<position)
          if !isSpace { pass(position..<next) }
          start = next
        }
        position = next
      }
      pass(start..<text.count)
    }
  }

  private func encode(
    word bytes: UnsafeBufferPointer<UInt8>, cache: inout WordCache, into ids: inout [Int32]
  ) {
    let hash = ByteTable.hash(bytes)
    guard !cache.append(bytes, hash: hash, to: &ids) else { return }
    let position = ids.count
    if !appendPieces(of: bytes, to: &ids) {
      ids.removeSubrange(position...)
      ids.append(unknown)
    }
    cache.remember(bytes, hash: hash, ids[position...])
  }

  private func appendPieces(
    of word: UnsafeBufferPointer<UInt8>, to ids: inout [Int32]
  ) -> Bool {
    guard word.count(where: { $0 & 0xC0 != 0x80 }) <= longestWord else { return false }
    var start = 0
    var buffer: [UInt8] = []
    var hashes: [UInt64] = []
    while start < word.count {
      buffer = start == 0 ? [] : continuation
      let prefix = buffer.count
      // No piece is longer than the longest token, so that a long word takes time in proportion to
      // its length.
      let room = max(0, vocabulary.longestTokenByteCount - prefix)
      buffer.append(contentsOf: word[start...].prefix(room))
      hashes.removeAll(keepingCapacity: true)
      var hash = ByteTable.hashSeed
      for byte in buffer {
        hash = ByteTable.hash(hash, adding: byte)
        hashes.append(hash)
      }
      let found = buffer.withUnsafeBufferPointer { buffer -> (id: Int32, end: Int)? in
        for end in stride(from: buffer.count, to: prefix, by: -1) {
          let next = start + end - prefix
          guard next == word.count || word[next] & 0xC0 != 0x80 else { continue }
          let piece = UnsafeBufferPointer(rebasing: buffer[..<end])
          if let id = vocabulary.id(of: piece, hash: hashes[end - 1]) { return (id, end) }
        }
        return nil
      }
      guard let found else { return false }
      ids.append(found.id)
      start += found.end - prefix
    }
    return true
  }

  /// The character at a byte of valid UTF-8, and where the next one begins.
  static func scalar(
    in text: UnsafeBufferPointer<UInt8>, at position: Int
  ) -> (Unicode.Scalar, Int) {
    let byte = text[position]
    guard byte >= 0x80 else { return (Unicode.Scalar(byte), position + 1) }
    let length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : 2
    var value = UInt32(byte) & (0x7F >> UInt32(length))
    for offset in 1..<length { value = value << 6 | UInt32(text[position + offset]) & 0x3F }
    return (Unicode.Scalar(value) ?? "\u{FFFD}", position + length)
  }
}
