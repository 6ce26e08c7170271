/// A template with the ids of one vocabulary.
struct TokenLayout: Sendable {
  /// A token with its type, or a text.
  private enum Part: Sendable {
    case token(Int32, type: Int32)
    case first(type: Int32)
    case second(type: Int32)
  }

  private let single: [Part]
  private let pair: [Part]

  /// Creates the layout of `template`; nil if `id` does not know one of its tokens.
  init?(_ template: SpecialTokenTemplate, id: (String) -> Int32?) {
    func parts(_ parts: [SpecialTokenTemplate.Part]) -> [Part]? {
      let known = parts.compactMap { part -> Part? in
        switch part {
        case .first(let type): .first(type: type)
        case .second(let type): .second(type: type)
        case .special(let token, let type): id(token).map { .token($0, type: type) }
        }
      }
      return known.count == parts.count ? known : nil
    }
    guard let single = parts(template.single), let pair = parts(template.pair) else { return nil }
    self.single = single
    self.pair = pair
  }

  /// The number of special tokens around a text or a pair.
  func specialCount(hasPair: Bool) -> Int { hasPair ? pair.count - 2 : single.count - 1 }

  /// Creates an encoding by putting the tokens of texts in their places.
  ///
  /// - Parameters:
  ///   - hasTypes: whether token types are used; otherwise all are 0.
  ///   - words: the word index of each token of `first`; nil if the text was not given as words.
  func encoding(
    _ first: ArraySlice<Int32>, _ second: ArraySlice<Int32>?, hasTypes: Bool, words: [Int]? = nil,
    truncated: Int
  ) -> Encoding {
    let parts = second == nil ? single : pair
    var ids: [Int32] = []
    var typeIDs: [Int32] = []
    var wordIndices: [Int?] = []
    let count = first.count + (second?.count ?? 0) + parts.count
    ids.reserveCapacity(count)
    typeIDs.reserveCapacity(count)
    func append(_ tokens: ArraySlice<Int32>, _ type: Int32) {
      ids += tokens
      typeIDs += [Int32](repeating: hasTypes ? type : 0, count: tokens.count)
    }
    for part in parts {
      switch part {
      case .token(let id, let type):
        ids.append(id)
        typeIDs.append(hasTypes ? type : 0)
        if words != nil { wordIndices.append(nil) }
      case .first(let type):
        append(first, type)
        if let words { wordIndices += words.prefix(first.count).map { $0 } }
      case .second(let type): append(second ?? [], type)
      }
    }
    return Encoding(ids: ids, typeIDs: typeIDs, truncated: truncated, wordIndices: wordIndices)
  }
}
