extension Tokenizer {
  /// The stages that consist of components. The template is stored separately.
  struct Stages: Sendable {
    var normalizer: (any TextNormalizer)?
    var splitter: (any TextSplitter)?
    var model: any SubwordModel
    var decoder: (any TokenDecoder)?

    /// The names of all switches of the stages in `tokenizer_config.json`, with their values.
    var settings: [(name: String, value: Bool)] {
      (normalizer?.settings ?? []) + (splitter?.settings ?? [])
    }
  }
}
