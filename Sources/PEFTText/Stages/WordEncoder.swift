/// Receives the words that splitters produce and converts them to tokens, using a cache for words
/// seen before.
struct WordEncoder {
  /// The tokens appended so far.
  private(set) var ids: [Int32] = []
  private let splitter: (any TextSplitter)?
  private let model: any SubwordModel
  private var cache = WordCache()
  /// The splitters that words still pass through before they reach the model, the next one last.
  private var waiting: [any TextSplitter] = []

  init(_ splitter: (any TextSplitter)?, _ model: any SubwordModel) {
    self.splitter = splitter
    self.model = model
  }

  /// Removes the tokens, but keeps their memory and the cached words.
  mutating func removeTokens() { ids.removeAll(keepingCapacity: true) }

  /// Appends a token that was recognised in the text itself.
  mutating func append(_ id: Int32) { ids.append(id) }

  /// Appends the tokens of a normalized text.
  ///
  /// - Parameter isFirst: whether `text` is the beginning of the encoded text.
  mutating func append(_ text: UnsafeBufferPointer<UInt8>, isFirst: Bool) {
    guard !text.isEmpty else { return }
    if let splitter {
      splitter.split(text, isFirst: isFirst, into: &self)
    } else {
      encode(text)
    }
  }

  /// Receives a word from a splitter. The word is valid UTF-8, not empty, and valid only during the
  /// call.
  ///
  /// - Parameter isFirst: whether the word begins at the start of the encoded text.
  @inline(__always)
  mutating func take(_ word: UnsafeBufferPointer<UInt8>, isFirst: Bool) {
    if waiting.isEmpty { encode(word) } else { takeNext(word, isFirst: isFirst) }
  }

  /// Splits a text by all of `splitters` in order.
  mutating func split(
    _ text: UnsafeBufferPointer<UInt8>, isFirst: Bool, by splitters: [any TextSplitter]
  ) {
    waiting += splitters.reversed()
    take(text, isFirst: isFirst)
    waiting.removeLast(splitters.count)
  }

  private mutating func takeNext(_ word: UnsafeBufferPointer<UInt8>, isFirst: Bool) {
    let next = waiting.removeLast()
    next.split(word, isFirst: isFirst, into: &self)
    waiting.append(next)
  }

  private mutating func encode(_ word: UnsafeBufferPointer<UInt8>) {
    let hash = ByteTable.hash(word)
    if !cache.append(word, hash: hash, to: &ids) {
      let position = ids.count
      model.appendTokens(of: word, to: &ids)
      cache.remember(word, hash: hash, ids[position...])
    }
  }
}
