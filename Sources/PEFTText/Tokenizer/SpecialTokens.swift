extension Tokenizer {
  /// The ids of special tokens, nil where the vocabulary has none.
  public struct SpecialTokens: Hashable, Sendable {
    /// Begins an example.
    public internal(set) var begin: Int32?
    /// Ends a text.
    public internal(set) var end: Int32?
    /// Fills up a batch; this package never needs it.
    public internal(set) var padding: Int32?
    /// Stands for what the vocabulary lacks.
    public internal(set) var unknown: Int32?
    /// Stands for a masked token.
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

    /// The ids of the tokens that `template` names.
    init(_ template: SpecialTokenTemplate, id: (String) -> Int32?) {
      begin = template.begin.flatMap(id)
      end = template.end.flatMap(id)
      padding = template.padding.flatMap(id)
      unknown = template.unknown.flatMap(id)
      mask = template.mask.flatMap(id)
    }
  }
}
