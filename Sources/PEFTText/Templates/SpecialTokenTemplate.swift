/// The fourth stage of a tokenizer: which tokens are special, and where they stand around a text or
/// a pair of texts.
///
/// A value of names; a `Tokenizer` knows their ids.
public struct SpecialTokenTemplate: Hashable, Sendable {
  /// A part of what is encoded, with its token type.
  public enum Part: Hashable, Sendable {
    /// The text, or the first one of a pair.
    case first(type: Int32)
    /// The second text of a pair.
    case second(type: Int32)
    /// A special token.
    case special(String, type: Int32)
  }

  /// Begins an example; nil where the model has no such token. The same holds for the others.
  public let begin: String?
  /// Ends a text.
  public let end: String?
  /// Fills up a batch.
  public let padding: String?
  /// Stands for what the vocabulary lacks.
  public let unknown: String?
  /// Stands for a masked token.
  public let mask: String?
  /// What a text becomes: special tokens, and `first` once.
  public internal(set) var single: [Part]
  /// What a pair becomes: special tokens, and `first` and `second` once each.
  public internal(set) var pair: [Part]

  /// A template from names. In `single` and `pair`, each text must stand once.
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

  /// Whether each text stands once where it has to.
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

  /// Whether nothing is put around a text.
  public var isBare: Bool { single.count == 1 }

  /// How many special tokens stand before a text.
  public var countBefore: Int {
    single.prefix { if case .special = $0 { true } else { false } }.count
  }

  /// How many special tokens stand behind a text.
  public var countBehind: Int { single.count - 1 - countBefore }

  /// The special tokens, each once, in the order that new vocabularies have them.
  ///
  /// RoBERTa's own vocabulary has `<mask>` as its last token. Here it is number 4, so that the ids
  /// of special tokens do not depend on the size of the vocabulary.
  public var specialTokens: [String] {
    [begin, padding, end, unknown, mask].compactMap(\.self)
  }

  /// The same tokens with nothing around a text.
  var bare: SpecialTokenTemplate {
    var template = self
    template.single = [.first(type: 0)]
    template.pair = [.first(type: 0), .second(type: 0)]
    return template
  }
}
