/// The last stage of a tokenizer: converts tokens back to text.
protocol TokenDecoder: Sendable {
  /// The pieces of text that `tokens` represent. Joined without gaps, they are the text.
  func decoded(_ tokens: [String]) -> [String]

  /// The factor by which tokens may grow.
  var growth: Double { get }
}

extension TokenDecoder {
  var growth: Double { 1 }
}
