/// Joins all pieces to one, so that what follows sees the text as a whole.
struct FuseDecoder: TokenDecoder {
  func decoded(_ tokens: [String]) -> [String] { [tokens.joined()] }
}
