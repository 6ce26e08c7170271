/// The last stage of a tokenizer: turns tokens back into text.
protocol TokenDecoder: Sendable {
  /// The pieces of text that `tokens` stand for; joined without gaps, they are the text.
  func decoded(_ tokens: [String]) -> [String]

  /// By how much tokens may grow, as a factor.
  var growth: Double { get }
}

extension TokenDecoder {
  var growth: Double { 1 }
}
