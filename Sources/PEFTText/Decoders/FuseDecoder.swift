/// Joins all pieces into one, so that later decoders see the text as a whole.
struct FuseDecoder: TokenDecoder {
  func decoded(_ tokens: [String]) -> [String] { [tokens.joined()] }
}
