import PEFTRuntime

/// BERT's model (Devlin et al. 2018): repeatedly takes the longest piece in the vocabulary from the
/// left of a word. If that fails at any point, the whole word is unknown.
struct WordPiece: SubwordModel {
  let vocabulary: Vocabulary
  private let unknown: Int32
  private let continuation: [UInt8]
  private let longestWord: Int

  init(
    vocabulary: Vocabulary, unknown: Int32, continuation: String = "##", longestWord: Int = 100
  ) {
    self.vocabulary = vocabulary
    self.unknown = unknown
    self.continuation = Array(continuation.utf8)
    self.longestWord = longestWord
  }

  /// Creates the model from a `tokenizer.json`.
  init(_ component: Component, _ surroundings: ModelSurroundings) throws(FileError) {
    guard !surroundings.isByteLevel else {
      throw component.unsupported("\"WordPiece\" behind \"ByteLevel\"", at: "type")
    }
    let vocabulary = try Vocabulary(component, added: surroundings.added)
    guard let unknown = vocabulary.id(of: component.value["unk_token"]?.string ?? "[UNK]") else {
      throw component.malformed("the vocabulary does not have it", at: "unk_token")
    }
    self.init(
      vocabulary: vocabulary, unknown: unknown,
      continuation: component.value["continuing_subword_prefix"]?.string ?? "##",
      longestWord: component.value["max_input_chars_per_word"]?.integer ?? 100)
  }

  func appendTokens(of word: UnsafeBufferPointer<UInt8>, to ids: inout [Int32]) {
    let position = ids.count
    if !appendPieces(of: word, to: &ids) {
      ids.removeSubrange(position...)
      ids.append(unknown)
    }
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
      // No piece is longer than the longest token, so a long word takes time proportional to its
      // length.
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
          if let id = vocabulary.ownID(of: piece, hash: hashes[end - 1]) { return (id, end) }
        }
        return nil
      }
      guard let found else { return false }
      ids.append(found.id)
      start += found.end - prefix
    }
    return true
  }

  var usualDecoder: any TokenDecoder { WordPieceDecoder() }
}
