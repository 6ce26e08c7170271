/// Takes the words that splitters make and turns them into tokens, by a look-up where the word was
/// met before.
struct WordEncoder {
  /// The tokens so far.
  private(set) var ids: [Int32] = []
  private let splitter: (any TextSplitter)?
  private let model: any SubwordModel
  private var cache = WordCache()
  /// The splitters that words pass before the model sees them, the next one last.
  private var waiting: [any TextSplitter] = []

  init(_ splitter: (any TextSplitter)?, _ model: any SubwordModel) {
    self.splitter = splitter
    self.model = model
  }

  /// Forgets the tokens and keeps their memory, and the words met before.
  mutating func removeTokens() { ids.removeAll(keepingCapacity: true) }

  /// Appends a token that is found in the text itself.
  mutating func append(_ id: Int32) { ids.append(id) }

  /// Appends the tokens of a normalized text.
  ///
  /// - Parameter isFirst: whether `text` is the beginning of what is encoded.
  mutating func append(_ text: UnsafeBufferPointer<UInt8>, isFirst: Bool) {
    guard !text.isEmpty else { return }
    if let splitter {
      splitter.split(text, isFirst: isFirst, into: &self)
    } else {
      encode(text)
    }
  }

  /// Takes a word from a splitter: valid UTF-8, not empty, valid during the call.
  ///
  /// - Parameter isFirst: whether the word begins where the text that is encoded does.
  @inline(__always)
  mutating func take(_ word: UnsafeBufferPointer<UInt8>, isFirst: Bool) {
    if waiting.isEmpty { encode(word) } else { takeNext(word, isFirst: isFirst) }
  }

  /// Splits a text by each of `splitters` in turn.
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
