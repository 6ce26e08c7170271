/// The first stage of a tokenizer: rewrites a text before it is split into words.
protocol TextNormalizer: Sendable {
  /// The normalized text. It must depend only on `text`.
  func normalized(_ text: String) -> String

  /// The factor by which a text may grow, not counting text that is prepended or appended.
  var growth: Double { get }

  /// The names of this normalizer's switches in `tokenizer_config.json`, with their values.
  var settings: [(name: String, value: Bool)] { get }
}

extension TextNormalizer {
  var growth: Double { 1 }
  var settings: [(name: String, value: Bool)] { [] }
}
