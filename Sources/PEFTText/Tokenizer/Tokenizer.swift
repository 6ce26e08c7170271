import PEFTRuntime
import Synchronization

/// Converts texts to the token ids with which a published model was trained, equal to those of the
/// reference implementation on any text.
///
/// A text passes through five stages: a normalizer rewrites it, a splitter divides it into words, a
/// model converts each word to tokens, a template adds special tokens, and a decoder converts
/// tokens back to text. Added tokens are recognised in the text before any other stage.
public struct Tokenizer: Sendable {
  /// The names of the special tokens, and their positions.
  public private(set) var template: SpecialTokenTemplate
  /// The vocabulary.
  public var vocabulary: Vocabulary { stages.model.vocabulary }
  /// The ids of the special tokens.
  public private(set) var special: SpecialTokens
  /// The names of the files from which it was read.
  public let files: [String]
  /// Whether the tokenizer's file defines special tokens around a text; false if it defines that
  /// there are none, nil if it does not say.
  package let namesSpecialTokens: Bool?
  /// Whether the model distinguishes the second text from the first by a token type.
  package var hasTokenTypes = true

  /// Whether a text that is too long loses its beginning instead of its end.
  var truncatesLeft = false

  let stages: Stages
  private let decoder: any TokenDecoder
  private var added: AddedTokens
  /// Added tokens that are recognised after normalization.
  private var addedLater: AddedTokens?
  private var layout: TokenLayout

  /// Creates a tokenizer from its parts. `added` are recognised in the text itself, with the ids
  /// that they have in the vocabulary. The layout is that of `template`.
  init(
    _ stages: Stages, added: [AddedTokens.Token], template: SpecialTokenTemplate,
    layout: TokenLayout, namesSpecialTokens: Bool?, files: [String]
  ) {
    self.stages = stages
    self.template = template
    self.layout = layout
    self.namesSpecialTokens = namesSpecialTokens
    self.files = files
    decoder = stages.decoder ?? stages.model.usualDecoder
    special = SpecialTokens(template, id: stages.model.vocabulary.id(of:))
    let added = added.map { token in
      var token = token
      token.id = stages.model.vocabulary.id(of: token.content)
      return token
    }
    if let normalizer = stages.normalizer, added.contains(where: \.isNormalized) {
      self.added = AddedTokens(added.filter { !$0.isNormalized })
      addedLater = AddedTokens(added.filter(\.isNormalized)) { normalizer.normalized($0) }
    } else {
      self.added = AddedTokens(added)
      addedLater = nil
    }
  }

  /// The number of ids, which is the largest id and 1. An id may have no token.
  public var vocabularySize: Int { vocabulary.count }

  /// Stops recognising special tokens in a text, so that they are split as any other text is.
  mutating func splitSpecialTokens() {
    added = AddedTokens(added.tokens.filter { !$0.isSpecial })
    guard let normalizer = stages.normalizer, let later = addedLater else { return }
    addedLater = AddedTokens(later.tokens.filter { !$0.isSpecial }) { normalizer.normalized($0) }
  }

  /// Stops putting special tokens around texts. Of the special tokens, only `end` keeps its
  /// meaning.
  package mutating func useBareTexts(end: Int32?) {
    template = template.bare
    if let bare = TokenLayout(template, id: { _ in nil }) { layout = bare }
    special = SpecialTokens(end: end)
  }

  /// Names the token that ends a text, if the tokenizer's files name none.
  package mutating func endTexts(with end: Int32?) {
    if special.end == nil { special.end = end }
  }

  /// Encodes a text or a pair with special tokens, truncated to `maximumLength` tokens in total.
  ///
  /// In a pair, the longer text is truncated first. If each is longer than half of the available
  /// room, both are truncated to equal lengths.
  public func encode(
    _ text: String, pair: String? = nil, maximumLength: Int? = nil
  ) -> Encoding {
    var words = WordEncoder(stages.splitter, stages.model)
    return encode(text, pair: pair, maximumLength: maximumLength, words: &words)
  }

  /// Encodes texts or pairs in parallel. Result i belongs to text i.
  public func encode(
    _ texts: [(text: String, pair: String?)], maximumLength: Int? = nil
  ) -> [Encoding] {
    let parts = Mutex([Int: [Encoding]]())
    WorkerPool.shared.runRanges(texts.count, grain: 64) { range in
      var words = WordEncoder(stages.splitter, stages.model)
      let encodings = texts[range].map {
        encode($0.text, pair: $0.pair, maximumLength: maximumLength, words: &words)
      }
      parts.withLock { $0[range.lowerBound] = encodings }
    }
    return parts.withLock { $0.sorted { $0.key < $1.key }.flatMap(\.value) }
  }

  /// Encodes a text given as words, each as if it were a text of its own, and returns the word
  /// index of each token. Use `wordIndices` to assign labels of words to tokens.
  ///
  /// A tokenizer that puts a space or `▁` before a text does so before every word. For one that
  /// does not, such as RoBERTa's usual files, all words but the first should begin with a space. A
  /// word may have no tokens.
  public func encode(words: [String], maximumLength: Int? = nil) -> Encoding {
    var encoder = WordEncoder(stages.splitter, stages.model)
    var indices: [Int] = []
    for (index, word) in words.enumerated() {
      append(word, to: &encoder)
      indices += repeatElement(index, count: encoder.ids.count - indices.count)
    }
    let ids = encoder.ids
    let room = maximumLength.map { max(0, $0 - layout.specialCount(hasPair: false)) } ?? ids.count
    let kept = part(ids[...], room)
    if truncatesLeft { indices = Array(indices.suffix(kept.count)) }
    return layout.encoding(
      kept, nil, hasTypes: hasTokenTypes, words: indices, truncated: ids.count - kept.count)
  }

  /// Encodes texts given as words in parallel, each word as it would be encoded inside a text. If
  /// only a preceding space marks the beginning of a word, as in RoBERTa's usual files, a space is
  /// put before every word. Result i belongs to text i.
  public func encode(words texts: [[String]], maximumLength: Int? = nil) -> [Encoding] {
    let isMarked = encode(words: ["a", "a"]).ids == encode("a a").ids
    let parts = Mutex([Int: [Encoding]]())
    WorkerPool.shared.runRanges(texts.count, grain: 64) { range in
      let encodings = texts[range].map { words in
        encode(
          words: isMarked ? words : words.map { " " + $0 }, maximumLength: maximumLength)
      }
      parts.withLock { $0[range.lowerBound] = encodings }
    }
    return parts.withLock { $0.sorted { $0.key < $1.key }.flatMap(\.value) }
  }

  /// The text that ids represent, without special tokens.
  public func decode(_ ids: [Int32]) -> String {
    let left = [special.begin, special.end, special.padding, special.mask].compactMap(\.self)
    let tokens = ids.filter { !left.contains($0) }.compactMap { vocabulary.token(of: $0) }
    return decoder.decoded(tokens).joined()
  }

  private func encode(
    _ text: String, pair: String?, maximumLength: Int?, words: inout WordEncoder
  ) -> Encoding {
    words.removeTokens()
    append(text, to: &words)
    let firstCount = words.ids.count
    if let pair { append(pair, to: &words) }
    let total = words.ids.count
    let secondCount = pair.map { _ in total - firstCount }
    var kept = (first: firstCount, second: secondCount ?? 0)
    if let maximumLength {
      let room = max(0, maximumLength - layout.specialCount(hasPair: pair != nil))
      kept = Self.truncatedCounts(firstCount, secondCount, room: room)
    }
    return layout.encoding(
      part(words.ids[..<firstCount], kept.first),
      pair.map { _ in part(words.ids[firstCount...], kept.second) },
      hasTypes: hasTokenTypes, truncated: total - kept.first - kept.second)
  }

  /// The `count` tokens of a text that are kept, or all if there are fewer.
  private func part(_ ids: ArraySlice<Int32>, _ count: Int) -> ArraySlice<Int32> {
    truncatesLeft ? ids.suffix(count) : ids.prefix(count)
  }

  /// Appends the tokens of one text, without special tokens around it.
  private func append(_ text: String, to words: inout WordEncoder) {
    var text = text
    text.withUTF8 { bytes in
      for piece in added.pieces(of: bytes) {
        switch piece {
        case .token(let id): words.append(id)
        case .text(let range):
          append(bytes[part: range], isFirst: range.lowerBound == 0, to: &words)
        }
      }
    }
  }

  private func append(
    _ text: UnsafeBufferPointer<UInt8>, isFirst: Bool, to words: inout WordEncoder
  ) {
    guard let normalizer = stages.normalizer else { return words.append(text, isFirst: isFirst) }
    var normalized = normalizer.normalized(String(decoding: text, as: UTF8.self))
    normalized.withUTF8 { text in
      guard let addedLater else { return words.append(text, isFirst: isFirst) }
      for piece in addedLater.pieces(of: text) {
        switch piece {
        case .token(let id): words.append(id)
        case .text(let range):
          words.append(text[part: range], isFirst: isFirst && range.lowerBound == 0)
        }
      }
    }
  }

  /// The number of tokens of each text to keep if there is room for `room` tokens.
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
