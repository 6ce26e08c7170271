/// The words of a training set as sequences of symbols, which merges shorten, with the counts of
/// adjacent symbols.
struct SymbolSequences {
  private var symbols: [Int32]
  private let starts: [Int]
  private var lengths: [Int32]
  private let wordCounts: [Int]
  private(set) var pairs = PairCounts()
  /// For each pair, the words that have gained it since the last call of `takeNewPairs`.
  private var words: [[Int32]] = []
  /// The pairs that have gained words.
  private var newPairs: [Int] = []

  /// - Parameter byteSymbols: the symbol of each byte.
  init(_ words: ByteLevelWordCounts, byteSymbols: [Int32]) {
    symbols = words.bytes.map { byteSymbols[Int($0)] }
    starts = words.starts
    wordCounts = words.counts
    lengths = zip(starts, starts.dropFirst()).map { Int32($1 - $0) }
    for word in wordCounts.indices where starts[word + 1] - starts[word] > 1 {
      for place in starts[word]..<starts[word + 1] - 1 {
        gain(symbols[place], symbols[place + 1], in: word)
      }
    }
  }

  /// Returns the pairs that words have gained since the last call, each with those words, without
  /// duplicates.
  mutating func takeNewPairs() -> [PairHeap.Entry] {
    defer { newPairs.removeAll(keepingCapacity: true) }
    return newPairs.compactMap { pair in
      let gaining = words[pair]
      words[pair] = []
      let count = pairs.counts[pair]
      guard count > 0 else { return nil }
      return PairHeap.Entry(count: count, key: pairs.keys[pair], pair: pair, words: gaining)
    }
  }

  /// Replaces the pair of `left` and `right` in `word` by `result`, the leftmost first. The pair's
  /// own count is not updated, because it is not used again.
  mutating func merge(_ left: Int32, _ right: Int32, into result: Int32, word: Int) {
    let start = starts[word]
    let end = start + Int(lengths[word])
    var read = start
    var write = start
    while read < end {
      guard read + 1 < end, symbols[read] == left, symbols[read + 1] == right else {
        symbols[write] = symbols[read]
        read += 1
        write += 1
        continue
      }
      if write > start {
        pairs.add(symbols[write - 1], left, -wordCounts[word])
        gain(symbols[write - 1], result, in: word)
      }
      if read + 2 < end {
        pairs.add(right, symbols[read + 2], -wordCounts[word])
        gain(result, symbols[read + 2], in: word)
      }
      symbols[write] = result
      read += 2
      write += 1
    }
    lengths[word] = Int32(write - start)
  }

  private mutating func gain(_ left: Int32, _ right: Int32, in word: Int) {
    let pair = pairs.add(left, right, wordCounts[word])
    if pair >= words.count {
      words.append(contentsOf: repeatElement([], count: pair + 1 - words.count))
    }
    if words[pair].isEmpty { newPairs.append(pair) }
    if words[pair].last != Int32(word) { words[pair].append(Int32(word)) }
  }
}
