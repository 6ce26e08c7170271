import PEFTRuntime

/// The merges of byte-pair encoding (Sennrich et al. 2016). The adjacent pair with the earliest
/// merge is replaced by its result, the leftmost first, until no pair can be merged.
struct BPEMerger: Sendable {
  private let merges: MergeTable

  /// - Parameter pairs: the merges in their order, each with its place in the file `path` for
  ///   messages.
  init(
    _ pairs: [(left: String, right: String, place: String)], vocabulary: Vocabulary, path: String
  ) throws(FileError) {
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

  /// Appends the symbols that remain after merging. Words are short, so the best pair is found by a
  /// scan over the remaining symbols.
  func append(merging symbols: consuming [Int32], to ids: inout [Int32]) {
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

  /// The number of symbols above which a heap replaces the quadratic scan.
  private static let scanLimit = 64
}
