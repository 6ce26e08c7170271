/// The first stage of a tokenizer: rewrites a text before it is split into words.
protocol TextNormalizer: Sendable {
  /// The text after normalization. It must depend on `text` alone.
  func normalized(_ text: String) -> String

  /// By how much a text may grow, as a factor; what is put before or behind it does not count.
  var growth: Double { get }

  /// What the settings beside a `tokenizer.json` call this normalizer's switches.
  var settings: [(name: String, value: Bool)] { get }
}

extension TextNormalizer {
  var growth: Double { 1 }
  var settings: [(name: String, value: Bool)] { [] }
}
