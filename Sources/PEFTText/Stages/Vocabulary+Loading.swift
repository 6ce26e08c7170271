import PEFTRuntime

extension Vocabulary {
  /// Creates a vocabulary from the object `vocab` of a model, with added tokens.
  init(_ model: Component, added: [AddedTokens.Token]) throws(FileError) {
    guard let tokens = model.value["vocab"]?.object else {
      throw model.malformed("it is not an object of tokens and ids", at: "vocab")
    }
    self = try Vocabulary(tokens, path: model.path).adding(added, path: model.path)
  }

  /// This vocabulary with added tokens, which are numbered as PyPI's `tokenizers` numbers them.
  ///
  /// A token of the vocabulary keeps its id. The others get the ids that follow the number of the
  /// model's tokens, or the largest id of an added token if that is larger. The ids that a file
  /// states for them do not count if they lie behind a gap. A vocabulary with unused ids may
  /// already have a token with such an id; the two then share it.
  ///
  /// - Parameter size: the number of tokens of the model, if it is not `ownCount`.
  func adding(
    _ added: [AddedTokens.Token], size: Int? = nil, path: String
  ) throws(FileError) -> Vocabulary {
    let size = size ?? ownCount
    var result = self
    var largest = -1
    for token in added {
      var id = result.id(of: token.content)
      if let stated = token.id, let own = self.id(of: token.content), own != stated {
        throw Self.contradiction(
          "added_tokens",
          "\"\(token.content)\" has the id \(stated) there and \(own) in the vocabulary", path)
      }
      if id == nil {
        let next = Int32(max(size, largest + 1))
        if let stated = token.id, stated != next, let other = self.token(of: stated) {
          throw Self.contradiction(
            "token \"\(token.content)\"", "its id \(stated) is that of \"\(other)\"", path)
        }
        result.add(token.content, id: next)
        id = next
      }
      largest = max(largest, Int(id ?? 0))
    }
    return result
  }

  private static func contradiction(_ place: String, _ reason: String, _ path: String) -> FileError
  {
    FileError(
      .malformed, path: path, place: place, reason: reason,
      remedy: "use the files that came with the model")
  }
}
