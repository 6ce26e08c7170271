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
      if token.hasPrefix(continuation) { return String(token.dropFirst(continuation.count)) }
      return isEmpty ? token : " " + token
    }
  }
}
