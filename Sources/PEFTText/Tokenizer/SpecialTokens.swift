extension Tokenizer {
  /// The ids of special tokens; nil for each token that the vocabulary lacks.
  public struct SpecialTokens: Hashable, Sendable {
    /// The token that begins an example.
    public internal(set) var begin: Int32?
    /// The token that ends a text.
    public internal(set) var end: Int32?
    /// The token that pads a batch, which this package never needs.
    public internal(set) var padding: Int32?
    /// The token for text that the vocabulary lacks.
    public internal(set) var unknown: Int32?
    /// The token for a masked token.
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

    /// Looks up the ids of the tokens that `template` names.
    init(_ template: SpecialTokenTemplate, id: (String) -> Int32?) {
      begin = template.begin.flatMap(id)
      end = template.end.flatMap(id)
      padding = template.padding.flatMap(id)
      unknown = template.unknown.flatMap(id)
      mask = template.mask.flatMap(id)
    }
  }
}
