/// Learns the vocabulary of byte-level byte-pair encoding from texts (Sennrich et al. 2016, Radford
/// et al. 2019).
///
/// Texts are split into GPT-2's words, and each word starts as the sequence of its bytes. Then the
/// adjacent pair a, b that maximises
///
///     count(a, b) = Σ_words  occurrences of the word · positions in it where b follows a
///
/// is merged into a token ab in all words, and this is repeated. Among pairs with equal counts, the
/// one with the smaller id of a comes first, then the one with the smaller id of b. PyPI's
/// `tokenizers` breaks ties in the same way, so tokens and merges are equal to those of its
/// `ByteLevelBPETokenizer`.
public enum ByteLevelBPETrainer {
  /// Learns `vocabularySize` tokens: the special tokens, the 256 bytes, and as many merges as fit.
  /// There are fewer if no remaining pair occurs `minimumFrequency` times.
  ///
  /// The result depends neither on the order of `texts` nor on the number of workers. A special
  /// token in a text counts as ordinary characters. Each text is split separately, so no word spans
  /// two texts.
  ///
  /// Errors: `vocabularySize` leaves no room for the special tokens and the bytes; a special token
  /// is empty or occurs twice.
  ///
  /// Cost: one pass over the texts, in parallel; then, for every merge, the words that contain its
  /// pair. Memory is proportional to the number of distinct words.
  public static func train(
    texts: [String], vocabularySize: Int, specialTokens: [String], minimumFrequency: Int = 2
  ) throws(BPETrainingError) -> TrainedBPE {
    var tokens = try TokenList(specialTokens: specialTokens, vocabularySize: vocabularySize)
    var sequences = SymbolSequences(
      .counting(texts), byteSymbols: (UInt8.min...UInt8.max).map(tokens.id(of:)))
    var heap = PairHeap()
    for entry in sequences.takeNewPairs() { heap.insert(entry) }
    var merges: [TrainedBPE.Merge] = []
    while tokens.count < vocabularySize, let entry = heap.first {
      let count = sequences.pairs.counts[entry.pair]
      guard count == entry.count else {
        heap.updateFirst(to: count)
        continue
      }
      guard count >= max(minimumFrequency, 1) else { break }
      heap.removeFirst()
      let (left, right) = sequences.pairs.symbols(of: entry.pair)
      merges.append(TrainedBPE.Merge(left: tokens[left], right: tokens[right]))
      let result = tokens.id(joining: left, right)
      for word in entry.words { sequences.merge(left, right, into: result, word: Int(word)) }
      for entry in sequences.takeNewPairs() { heap.insert(entry) }
    }
    return TrainedBPE(
      tokens: tokens.tokens, merges: merges, specialTokenCount: specialTokens.count)
  }
}

/// An error about a vocabulary that cannot be learned as requested. The message names the option.
public struct BPETrainingError: Error, Hashable, Sendable, CustomStringConvertible {
  /// A description of what is wrong and what would be valid.
  public let description: String
}

/// The tokens of a growing vocabulary, without duplicate strings.
private struct TokenList {
  private(set) var tokens: [String] = []
  private var ids: [[UInt8]: Int32] = [:]
  private var byteIDs: [Int32] = []

  init(specialTokens: [String], vocabularySize: Int) throws(BPETrainingError) {
    for token in specialTokens {
      guard !token.isEmpty else {
        throw BPETrainingError(description: "a special token must have a character")
      }
      guard ids[Array(token.utf8)] == nil else {
        throw BPETrainingError(description: "the special token \"\(token)\" occurs twice")
      }
      _ = id(of: token)
    }
    // Sorted by character, not by byte, which determines the order of ids in which equally frequent
    // pairs are merged.
    let order = (UInt8.min...UInt8.max).sorted {
      ByteAlphabet.characters[Int($0)] < ByteAlphabet.characters[Int($1)]
    }
    for byte in order { _ = id(of: ByteAlphabet.token(of: byte)) }
    byteIDs = (UInt8.min...UInt8.max).map { id(of: ByteAlphabet.token(of: $0)) }
    guard vocabularySize >= tokens.count, vocabularySize <= Int(Int32.max) else {
      throw BPETrainingError(
        description: "a vocabulary of \(vocabularySize) tokens cannot be: it begins with "
          + "\(specialTokens.count) special tokens and the 256 bytes, "
          + "and must have \(tokens.count) to \(Int32.max)")
    }
  }

  var count: Int { tokens.count }

  subscript(id: Int32) -> String { tokens[Int(id)] }

  func id(of byte: UInt8) -> Int32 { byteIDs[Int(byte)] }

  /// The id of the token formed by `left` and `right`, which may already exist as a special token.
  mutating func id(joining left: Int32, _ right: Int32) -> Int32 {
    id(of: self[left] + self[right])
  }

  private mutating func id(of token: String) -> Int32 {
    let key = Array(token.utf8)
    if let id = ids[key] { return id }
    let id = Int32(tokens.count)
    ids[key] = id
    tokens.append(token)
    return id
  }
}
