/// The default decoder for files that name none: joins tokens with blanks.
struct SpacedDecoder: TokenDecoder {
  func decoded(_ tokens: [String]) -> [String] { [tokens.joined(separator: " ")] }
}
