import PEFTRuntime

extension Vocabulary {
  /// Creates a vocabulary from the object `vocab` of a model, followed by the added tokens that it
  /// lacks.
  init(_ model: Component, added: [AddedTokens.Token]) throws(FileError) {
    guard var tokens = model.value["vocab"]?.object else {
      throw model.malformed("it is not an object of tokens and ids", at: "vocab")
    }
    var new: Set<Int32> = []
    for token in added {
      if let id = tokens[token.content] {
        guard id.integer == Int(token.id) else { throw Self.otherID(token, path: model.path) }
      } else {
        tokens[token.content] = .integer(Int(token.id))
        new.insert(token.id)
      }
    }
    try self.init(tokens, added: new, path: model.path)
  }

  /// This vocabulary, followed by the added tokens that it lacks.
  func adding(_ added: [AddedTokens.Token], path: String) throws(FileError) -> Vocabulary {
    var tokens = (0..<Int32(count)).map { bytes(of: $0) ?? [] }
    for token in added.sorted(by: { $0.id < $1.id }) {
      guard (id(of: token.content) ?? Int32(tokens.count)) == token.id else {
        throw Self.otherID(token, path: path)
      }
      if token.id == tokens.count { tokens.append(Array(token.content.utf8)) }
    }
    return try Vocabulary(tokens, path: path)
  }

  private static func otherID(_ token: AddedTokens.Token, path: String) -> FileError {
    FileError(
      .malformed, path: path, place: "added_tokens",
      reason: "\"\(token.content)\" has another id in the vocabulary, or leaves a gap behind it",
      remedy: "use the file that came with the model")
  }
}
