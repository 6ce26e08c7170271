/// The fourth stage of a tokenizer: the names of special tokens, and their positions around a text
/// or a pair of texts.
///
/// A template contains only names; a `Tokenizer` knows the ids.
public struct SpecialTokenTemplate: Hashable, Sendable {
  /// A part of an encoding, with its token type.
  public enum Part: Hashable, Sendable {
    /// The text, or the first one of a pair.
    case first(type: Int32)
    /// The second text of a pair.
    case second(type: Int32)
    /// A special token.
    case special(String, type: Int32)
  }

  /// The token that begins an example. Here and below, nil means that the model has no such token.
  public let begin: String?
  /// The token that ends a text.
  public let end: String?
  /// The token that pads a batch.
  public let padding: String?
  /// The token for text that the vocabulary lacks.
  public let unknown: String?
  /// The token for a masked token.
  public let mask: String?
  /// The encoding of a single text: special tokens, and `first` once.
  public internal(set) var single: [Part]
  /// The encoding of a pair: special tokens, and `first` and `second` once each.
  public internal(set) var pair: [Part]

  /// Creates a template from names. `single` and `pair` must contain each of their texts exactly
  /// once.
  public init(
    begin: String? = nil, end: String? = nil, padding: String? = nil, unknown: String? = nil,
    mask: String? = nil, single: [Part] = [.first(type: 0)],
    pair: [Part] = [.first(type: 0), .second(type: 0)]
  ) {
    precondition(
      Self.isWhole(single, pair),
      "SpecialTokenTemplate: each text must stand once in \(single) and in \(pair)")
    self.begin = begin
    self.end = end
    self.padding = padding
    self.unknown = unknown
    self.mask = mask
    self.single = single
    self.pair = pair
  }

  /// Whether each text occurs exactly once where it is required.
  static func isWhole(_ single: [Part], _ pair: [Part]) -> Bool {
    func count(_ parts: [Part]) -> [Int] {
      parts.reduce(into: [0, 0]) { counts, part in
        switch part {
        case .first: counts[0] += 1
        case .second: counts[1] += 1
        case .special: break
        }
      }
    }
    return count(single) == [1, 0] && count(pair) == [1, 1]
  }

  /// Whether no special tokens are put around a text.
  public var isBare: Bool { single.count == 1 }

  /// The largest number of special tokens around a text or a pair.
  public var largestCount: Int { max(single.count - 1, pair.count - 2) }

  /// The largest token type.
  public var largestType: Int32 {
    (single + pair).reduce(0) { largest, part in
      switch part {
      case .first(let type), .second(let type), .special(_, let type): max(largest, type)
      }
    }
  }

  /// The number of special tokens before a text.
  public var countBefore: Int {
    single.prefix { if case .special = $0 { true } else { false } }.count
  }

  /// The number of special tokens after a text.
  public var countBehind: Int { single.count - 1 - countBefore }

  /// The special tokens without duplicates, in their order in new vocabularies.
  ///
  /// RoBERTa's own vocabulary has `<mask>` as its last token. Here it has number 4, so that the ids
  /// of special tokens do not depend on the size of the vocabulary.
  public var specialTokens: [String] {
    [begin, padding, end, unknown, mask].compactMap(\.self)
  }

  /// Whether all special tokens around a text, and those for unknown and masked text, are those of
  /// `other`.
  func hasTokens(of other: SpecialTokenTemplate) -> Bool {
    single == other.single && pair == other.pair && unknown == other.unknown && mask == other.mask
  }

  /// The same special tokens, with none put around a text.
  var bare: SpecialTokenTemplate {
    var template = self
    template.single = [.first(type: 0)]
    template.pair = [.first(type: 0), .second(type: 0)]
    return template
  }
}
