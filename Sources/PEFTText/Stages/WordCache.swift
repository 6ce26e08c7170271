/// A cache of the tokens of words. Texts repeat words, so most words take only a look-up.
struct WordCache {
  private var table = ByteTable(minimumCapacity: 1024)
  private var runs: [Range<Int>] = []
  private var ids: [Int32] = []

  /// The maximum number of words in the cache. Words longer than `longestWord` bytes are not
  /// cached.
  private static let capacity = 1 << 16
  private static let longestWord = 64

  /// Appends the tokens of a cached word. Returns false if the word is not in the cache.
  func append(
    _ word: UnsafeBufferPointer<UInt8>, hash: UInt64, to output: inout [Int32]
  ) -> Bool {
    guard let index = table.value(of: word, hash: hash) else { return false }
    for position in runs[Int(index)] { output.append(ids[position]) }
    return true
  }

  mutating func remember(
    _ word: UnsafeBufferPointer<UInt8>, hash: UInt64, _ tokens: ArraySlice<Int32>
  ) {
    guard runs.count < Self.capacity, word.count <= Self.longestWord else { return }
    table.insert(word, hash: hash, value: Int32(runs.count))
    runs.append(ids.count..<ids.count + tokens.count)
    ids.append(contentsOf: tokens)
  }
}
