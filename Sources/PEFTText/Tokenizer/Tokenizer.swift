import PEFTRuntime
import Synchronization

/// Turns texts into the token ids that a published model was trained on, equal to the reference
/// implementation's on any text.
public struct Tokenizer: Sendable {
  /// What the special tokens say about the model.
  public enum Family: String, CaseIterable, Hashable, Sendable {
    /// `[CLS] a [SEP] b [SEP]`, token type 1 in the second text.
    case bert
    /// `<s> a </s></s> b </s>`.
    case roberta
    /// No special tokens.
    case gpt2
  }

  /// The ids of special tokens, nil where the family has none.
  public struct SpecialTokens: Hashable, Sendable {
    /// Begins an example.
    public internal(set) var begin: Int32?
    /// Ends a text.
    public internal(set) var end: Int32?
    /// Fills up a batch; this package never needs it.
    public internal(set) var padding: Int32?
    /// Stands for what the vocabulary lacks.
    public internal(set) var unknown: Int32?
    /// Stands for a hidden token.
    public internal(set) var mask: Int32?

    package init(
      begin: Int32? = nil, end: Int32? = nil, padding: Int32? = nil, unknown: Int32? = nil,
      mask: Int32? = nil
    ) {
      self.begin = begin
      self.end = end
      self.padding = padding
      self.unknown = unknown
      self.mask = mask
    }
  }

  enum Model: Sendable {
    case byteLevelBPE(ByteLevelBPE)
    case wordPiece(WordPiece)
  }

  /// The family.
  public package(set) var family: Family
  /// The vocabulary.
  public let vocabulary: Vocabulary
  /// The special tokens.
  public package(set) var special: SpecialTokens
  /// The names of the files it was read from.
  public let files: [String]
  let model: Model
  let added: AddedTokens
  /// Whether its file says that special tokens stand around a text, or that none do; nil
  /// where it does not say.
  package var namesSpecialTokens: Bool?
  /// Whether the model tells the second text from the first by a token type.
  package var hasTokenTypes = true

  /// The number of tokens.
  public var vocabularySize: Int { vocabulary.count }

  /// Encodes a text or a pair, with special tokens, cut to `maximumLength` tokens in all.
  ///
  /// A pair is cut from its longer text first, and from both alike when each is longer than half of
  /// what there is room for.
  public func encode(
    _ text: String, pair: String? = nil, maximumLength: Int? = nil
  ) -> Encoding {
    var cache = WordCache()
    return encode(text, pair: pair, maximumLength: maximumLength, cache: &cache)
  }

  /// Encodes texts or pairs, in parallel; result i belongs to text i.
  public func encode(
    _ texts: [(text: String, pair: String?)], maximumLength: Int? = nil
  ) -> [Encoding] {
    let parts = Mutex([Int: [Encoding]]())
    WorkerPool.shared.runRanges(texts.count, grain: 64) { range in
      var cache = WordCache()
      let encodings = texts[range].map {
        encode($0.text, pair: $0.pair, maximumLength: maximumLength, cache: &cache)
      }
      parts.withLock { $0[range.lowerBound] = encodings }
    }
    return parts.withLock { $0.sorted { $0.key < $1.key }.flatMap(\.value) }
  }

  /// The text that ids stand for; special tokens are left out.
  public func decode(_ ids: [Int32]) -> String {
    let left = [special.begin, special.end, special.padding, special.mask].compactMap(\.self)
    let tokens = ids.filter { !left.contains($0) }.compactMap { vocabulary.token(of: $0) }
    switch model {
    case .byteLevelBPE:
      return String(decoding: tokens.flatMap(ByteAlphabet.decode), as: UTF8.self)
    case .wordPiece:
      return tokens.reduce(into: "") { text, token in
        if token.hasPrefix("##") {
          text += token.dropFirst(2)
        } else {
          text += text.isEmpty ? token : " " + token
        }
      }
    }
  }

  private func encode(
    _ text: String, pair: String?, maximumLength: Int?, cache: inout WordCache
  ) -> Encoding {
    var first = tokens(of: text, cache: &cache)
    var second = pair.map { tokens(of: $0, cache: &cache) }
    let total = first.count + (second?.count ?? 0)
    if let maximumLength {
      let room = max(0, maximumLength - specialCount(hasPair: second != nil))
      let kept = Self.truncatedCounts(first.count, second?.count, room: room)
      first = Array(first.prefix(kept.first))
      second = second.map { Array($0.prefix(kept.second)) }
    }
    let truncated = total - first.count - (second?.count ?? 0)
    return assemble(first, second, truncated: truncated)
  }

  /// The tokens of one text without special ones around it.
  private func tokens(of text: String, cache: inout WordCache) -> [Int32] {
    var ids: [Int32] = []
    var text = text
    text.withUTF8 { bytes in
      for piece in added.pieces(of: bytes) {
        switch (piece, model) {
        case (.token(let id), _): ids.append(id)
        case (.text(let range), .byteLevelBPE(let bpe)):
          bpe.encode(
            UnsafeBufferPointer(rebasing: bytes[range]), cache: &cache, into: &ids)
        case (.text(let range), .wordPiece(let wordPiece)):
          wordPiece.encode(
            String(decoding: bytes[range], as: UTF8.self), cache: &cache, into: &ids)
        }
      }
    }
    return ids
  }

  private func specialCount(hasPair: Bool) -> Int {
    switch family {
    case .bert: hasPair ? 3 : 2
    case .roberta: hasPair ? 4 : 2
    case .gpt2: 0
    }
  }

  private func assemble(_ first: [Int32], _ second: [Int32]?, truncated: Int) -> Encoding {
    guard let begin = special.begin, let end = special.end, family != .gpt2 else {
      let ids = first + (second ?? [])
      return Encoding(ids: ids, typeIDs: ids.map { _ in 0 }, truncated: truncated)
    }
    var ids = [begin] + first + [end]
    var typeIDs = [Int32](repeating: 0, count: ids.count)
    if let second {
      let tail = (family == .roberta ? [end] : []) + second + [end]
      ids += tail
      typeIDs += [Int32](
        repeating: family == .bert && hasTokenTypes ? 1 : 0, count: tail.count)
    }
    return Encoding(ids: ids, typeIDs: typeIDs, truncated: truncated)
  }

  /// How many tokens of each text stay when there is room for `room`.
  static func truncatedCounts(
    _ first: Int, _ second: Int?, room: Int
  ) -> (first: Int, second: Int) {
    guard let second else { return (min(first, room), 0) }
    guard first + second > room else { return (first, second) }
    var shorter = min(first, second)
    var longer = max(shorter, room - shorter)
    if shorter + longer > room {
      shorter = room / 2
      longer = room - shorter
    }
    return first <= second ? (shorter, longer) : (longer, shorter)
  }
}
