import PEFTText
import PEFTRuntime

/// Random words of letters with separators between them, composed so that the words of byte-level
/// BPE are known without a splitter; and the naive way to learn merges from them.
struct WordSample {
  private(set) var text = ""
  private var counts: [String: Int] = [:]

  /// The separators before a word, and the words that byte-level BPE makes from them.
  private static let separators: [(before: String, words: [String], prefix: String)] = [
    (" ", [], " "), (" ", [], " "), ("\n", ["\n"], ""), ("\n ", ["\n"], " "), ("  ", [" "], " "),
    ("19", ["19"], ""), (" ,", [" ,"], ""),
  ]

  init(seed: Int = 0, wordCount: Int) {
    var generator = SeededGenerator(seed: UInt64(seed), purpose: "word sample")
    let letters = Array("eeeetttaaoinshrdlué")
    for _ in 0..<wordCount {
      let length = Int.random(in: 1...7, using: &generator)
      let word = String(
        (0..<length).map { _ in letters[Int.random(in: 0..<letters.count, using: &generator)] })
      let index = text.isEmpty ? 0 : Int.random(in: 0..<Self.separators.count, using: &generator)
      let separator = Self.separators[index]
      text += separator.before + word
      for piece in separator.words + [separator.prefix + word] { counts[piece, default: 0] += 1 }
    }
  }

  /// The first `count` merges, with all pairs recounted for each. Ties go to the smaller ids if one
  /// special token and the bytes precede the merges.
  func naiveMerges(_ count: Int) -> [TrainedBPE.Merge] {
    var tokens = (0..<256).map { UInt8($0) }.sorted { Self.rank($0) < Self.rank($1) }.map(Self.name)
    var words = counts.map { word, count in
      (symbols: word.utf8.map { byte in tokens.firstIndex(of: Self.name(byte)) ?? -1 }, count)
    }
    return (0..<count).map { _ in
      var pairs: [[Int]: Int] = [:]
      for (symbols, count) in words {
        for pair in zip(symbols, symbols.dropFirst()) {
          pairs[[pair.0, pair.1], default: 0] += count
        }
      }
      let best = pairs.max { first, second in
        first.value != second.value
          ? first.value < second.value : second.key.lexicographicallyPrecedes(first.key)
      }
      let pair = best?.key ?? []
      for index in words.indices {
        words[index].symbols = Self.merged(words[index].symbols, pair, tokens.count)
      }
      tokens.append(tokens[pair[0]] + tokens[pair[1]])
      return TrainedBPE.Merge(left: tokens[pair[0]], right: tokens[pair[1]])
    }
  }

  private static func merged(_ symbols: [Int], _ pair: [Int], _ result: Int) -> [Int] {
    symbols.reduce(into: []) { merged, symbol in
      if symbol == pair[1], merged.last == pair[0] {
        merged[merged.count - 1] = result
      } else {
        merged.append(symbol)
      }
    }
  }

  /// The character of a byte in vocabulary files, by its definition (Radford et al. 2019).
  private static func rank(_ byte: UInt8) -> Int {
    let printable = Array(0x21...0x7E) + Array(0xA1...0xAC) + Array(0xAE...0xFF)
    if printable.contains(Int(byte)) { return Int(byte) }
    return 0x100 + (0..<Int(byte)).count { !printable.contains($0) }
  }

  private static func name(_ byte: UInt8) -> String {
    Unicode.Scalar(UInt32(rank(byte))).map { String(Character($0)) } ?? ""
  }
}
