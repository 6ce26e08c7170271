import PEFTRuntime
import Synchronization

/// How often each word of byte-level BPE stands in texts.
struct ByteLevelWordCounts: Sendable {
  private var table = ByteTable(minimumCapacity: 1 << 12)
  /// The bytes of all words, one after another.
  private(set) var bytes: [UInt8] = []
  /// Where each word begins in `bytes`, and behind the last one where it ends.
  private(set) var starts = [0]
  /// How often each word was counted.
  private(set) var counts: [Int] = []

  /// Counts the words of all texts, in parallel. The order of the words is left to chance, their
  /// counts are not.
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
  /// A part of a text that begins and ends where a word does.
  private struct Piece {
    let text: Int
    let bytes: Range<Int>
  }

  /// Pieces of about this many bytes are one worker's task.
  private static let batchSize = 1 << 18

  /// All of `texts` in tasks of about `batchSize` bytes, long texts in pieces of that size.
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

  /// The first place at or behind `position` where a word begins whatever stands before and behind:
  /// at white space right behind a printable ASCII character, since no word goes on from the one to
  /// the other and none looks further; else the end of the text.
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
