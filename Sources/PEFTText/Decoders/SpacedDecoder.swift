/// The rule where a file names no decoder: tokens with a blank between them.
struct SpacedDecoder: TokenDecoder {
  func decoded(_ tokens: [String]) -> [String] { [tokens.joined(separator: " ")] }
}
