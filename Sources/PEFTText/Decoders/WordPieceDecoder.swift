import PEFTRuntime

/// Joins continuations to their word and puts a blank before other tokens. Blanks before
/// punctuation marks stay, also if the setting `cleanup` asks for them to be dropped.
struct WordPieceDecoder: TokenDecoder {
  private let continuation: String

  init(continuation: String = "##") { self.continuation = continuation }

  init(_ component: Component) throws(FileError) {
    continuation = try component.string("prefix", default: "##")
  }

  func decoded(_ tokens: [String]) -> [String] {
    var isEmpty = true
    return tokens.map { token in
      defer { isEmpty = isEmpty && token.isEmpty }
      // A mark that combines with the prefix is one character with its end.
      let (bytes, prefix) = (token.utf8, continuation.utf8)
      if bytes.starts(with: prefix) {
        return String(token[bytes.dropFirst(prefix.count).startIndex...])
      }
      return isEmpty ? token : " " + token
    }
  }
}
