import PEFTRuntime
import Synchronization

/// The number of occurrences of each byte-level BPE word in texts.
struct ByteLevelWordCounts: Sendable {
  private var table = ByteTable(minimumCapacity: 1 << 12)
  /// The bytes of all words, one after another.
  private(set) var bytes: [UInt8] = []
  /// The start of each word in `bytes`, followed by the end of the last one.
  private(set) var starts = [0]
  /// The number of occurrences of each word.
  private(set) var counts: [Int] = []

  /// Counts the words of all texts, in parallel. The order of the words is not deterministic, but
  /// their counts are.
  static func counting(_ texts: [String]) -> ByteLevelWordCounts {
    let batches = batches(texts)
    let parts = Mutex([ByteLevelWordCounts]())
    WorkerPool.shared.run(batches.count) { index in
      var part = parts.withLock { $0.popLast() } ?? ByteLevelWordCounts()
      for piece in batches[index] {
        var text = texts[piece.text]
        text.withUTF8 { part.countWords(UnsafeBufferPointer(rebasing: $0[piece.bytes])) }
      }
      parts.withLock { $0.append(part) }
    }
    var rest = parts.withLock { $0 }.sorted { $0.counts.count > $1.counts.count }
    guard var all = rest.first else { return ByteLevelWordCounts() }
    rest.removeFirst()
    for part in rest { all.add(part) }
    return all
  }

  private mutating func countWords(_ text: UnsafeBufferPointer<UInt8>) {
    let words = ByteLevelWords(text)
    var start = 0
    while start < text.count {
      let end = words.end(ofWordAt: start)
      add(UnsafeBufferPointer(rebasing: text[start..<end]), count: 1)
      start = end
    }
  }

  private mutating func add(_ other: ByteLevelWordCounts) {
    other.bytes.withUnsafeBufferPointer { bytes in
      for (word, count) in other.counts.enumerated() {
        let range = other.starts[word]..<other.starts[word + 1]
        add(UnsafeBufferPointer(rebasing: bytes[range]), count: count)
      }
    }
  }

  private mutating func add(_ word: UnsafeBufferPointer<UInt8>, count: Int) {
    let hash = ByteTable.hash(word)
    if let index = table.value(of: word, hash: hash) {
      counts[Int(index)] += count
    } else {
      table.insert(word, hash: hash, value: Int32(counts.count))
      counts.append(count)
      bytes.append(contentsOf: word)
      starts.append(bytes.count)
    }
  }
}

extension ByteLevelWordCounts {
  /// A part of a text that begins and ends at word boundaries.
  private struct Piece {
    let text: Int
    let bytes: Range<Int>
  }

  /// The approximate number of bytes in one worker's task.
  private static let batchSize = 1 << 18

  /// Divides `texts` into tasks of about `batchSize` bytes, splitting long texts into pieces of
  /// that size.
  private static func batches(_ texts: [String]) -> [[Piece]] {
    var batches: [[Piece]] = []
    var batch: [Piece] = []
    var room = batchSize
    for index in texts.indices {
      var text = texts[index]
      text.withUTF8 { bytes in
        var start = 0
        while start < bytes.count {
          let end = wordBoundary(in: bytes, from: start + room)
          batch.append(Piece(text: index, bytes: start..<end))
          room -= end - start
          start = end
          if room <= 0 {
            batches.append(batch)
            batch = []
            room = batchSize
          }
        }
      }
    }
    return batch.isEmpty ? batches : batches + [batch]
  }

  /// The first position at or after `position` where a word begins whatever precedes and follows.
  ///
  /// That is white space directly after a printable ASCII character, because no word continues
  /// across this boundary and no match looks beyond it. If there is no such position, returns the
  /// end of the text.
  private static func wordBoundary(
    in text: UnsafeBufferPointer<UInt8>, from position: Int
  ) -> Int {
    guard position < text.count else { return text.count }
    for index in max(position, 1)..<text.count {
      switch (text[index - 1], text[index]) {
      case (0x21...0x7E, 0x20), (0x21...0x7E, 0x09...0x0D): return index
      default: continue
      }
    }
    return text.count
  }
}
