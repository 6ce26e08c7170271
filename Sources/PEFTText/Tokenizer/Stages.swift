extension Tokenizer {
  /// The stages that have components; the template is a value of its own.
  struct Stages: Sendable {
    var normalizer: (any TextNormalizer)?
    var splitter: (any TextSplitter)?
    var model: any SubwordModel
    var decoder: (any TokenDecoder)?

    /// What the settings beside a `tokenizer.json` call the switches of the parts.
    var settings: [(name: String, value: Bool)] {
      (normalizer?.settings ?? []) + (splitter?.settings ?? [])
    }
  }
}
