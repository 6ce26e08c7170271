import PEFTRuntime

/// Byte-level byte-pair encoding, as RoBERTa and GPT-2 use it (Radford et al. 2019).
///
/// A word is the sequence of its bytes' tokens; the pair of neighbours with the earliest merge is
/// replaced by its result, the leftmost first, until none is left.
struct ByteLevelBPE: Sendable {
  let vocabulary: Vocabulary
  private let merges: MergeTable
  private let byteIDs: [Int32]
  private let unknown: Int32?
  let addsPrefixSpace: Bool

  private static let missing: Int32 = -1

  /// - Parameters:
  ///   - pairs: the merges in their order, with the place of each in the file `path` for messages.
  ///   - unknown: stands for a byte that the vocabulary lacks; nil drops it.
  init(
    vocabulary: Vocabulary, pairs: [(left: String, right: String, place: String)],
    unknown: Int32? = nil, addsPrefixSpace: Bool = false, path: String
  ) throws(FileError) {
    self.vocabulary = vocabulary
    self.unknown = unknown
    self.addsPrefixSpace = addsPrefixSpace
    byteIDs = (UInt8.min...UInt8.max).map {
      vocabulary.id(of: ByteAlphabet.token(of: $0)) ?? Self.missing
    }
    var merges = MergeTable(count: pairs.count)
    for (rank, (left, right, place)) in pairs.enumerated() {
      guard let leftID = vocabulary.id(of: left), let rightID = vocabulary.id(of: right),
        let result = vocabulary.id(of: left + right)
      else {
        throw FileError(
          .malformed, path: path, place: place,
          reason:
            "the merge of \"\(left)\" and \"\(right)\" names a token that the vocabulary lacks",
          remedy: "use the merges that came with the vocabulary")
      }
      let merge = MergeTable.Merge(rank: Int32(rank), result: result)
      guard merges.insert(leftID, rightID, merge) else {
        throw FileError(
          .malformed, path: path, place: place,
          reason: "the merge of \"\(left)\" and \"\(right)\" occurs twice",
          remedy: "use the merges that came with the vocabulary")
      }
    }
    self.merges = merges
  }

  /// Appends the tokens of `text`, valid UTF-8 without special tokens in it.
  func encode(
    _ text: UnsafeBufferPointer<UInt8>, cache: inout WordCache, into ids: inout [Int32]
  ) {
    guard !text.isEmpty else { return }
    if addsPrefixSpace, text[0] != UInt8(ascii: " ") {
      let extended = [UInt8(ascii: " ")] + text
      extended.withUnsafeBufferPointer { encodeWords($0, cache: &cache, into: &ids) }
    } else {
      encodeWords(text, cache: &cache, into: &ids)
    }
  }

  private func encodeWords(
    _ text: UnsafeBufferPointer<UInt8>, cache: inout WordCache, into ids: inout [Int32]
  ) {
    let splitter = ByteLevelSplitter(text)
    var start = 0
    while start < text.count {
      let end = splitter.end(ofWordAt: start)
      let word = UnsafeBufferPointer(rebasing: text[start..<end])
      let hash = ByteTable.hash(word)
      if !cache.append(word, hash: hash, to: &ids) {
        let position = ids.count
        encode(word: word, into: &ids)
        cache.remember(word, hash: hash, ids[position...])
      }
      start = end
    }
  }

  /// Merges in place. Words are short, so looking for the best pair is a scan over what is left.
  private func encode(word: UnsafeBufferPointer<UInt8>, into ids: inout [Int32]) {
    var symbols = word.compactMap { byte in
      let id = byteIDs[Int(byte)]
      return id == Self.missing ? unknown : id
    }
    guard symbols.count <= Self.scanLimit else {
      ids.append(contentsOf: LongWordMerger(symbols, merges).result)
      return
    }
    while symbols.count > 1 {
      var best: (index: Int, merge: MergeTable.Merge)?
      for index in 0..<symbols.count - 1 {
        guard let merge = merges.merge(symbols[index], symbols[index + 1]) else { continue }
        if best.map({ merge.rank < $0.merge.rank }) ?? true { best = (index, merge) }
      }
      guard let best else { break }
      symbols[best.index] = best.merge.result
      symbols.remove(at: best.index + 1)
    }
    ids.append(contentsOf: symbols)
  }

  /// Above this many symbols the quadratic scan gives way to a heap.
  private static let scanLimit = 64
}
