import PEFTRuntime

/// The tokens of a tokenizer and their ids, without gaps or duplicates. Tokens are compared by
/// bytes, not by Unicode equivalence.
public struct Vocabulary: Sendable {
  private let table: ByteTable
  private let tokens: [[UInt8]]
  /// The tokens that do not belong to the model itself, because they are recognised in the text
  /// before the model sees it.
  private let added: Set<Int32>
  /// The number of bytes of the longest token.
  let longestTokenByteCount: Int

  /// Creates a vocabulary in which token i is `tokens[i]`. Throws if a token occurs twice.
  init(_ tokens: [[UInt8]], added: Set<Int32> = [], path: String) throws(FileError) {
    self.added = added
    var table = ByteTable(minimumCapacity: tokens.count)
    for (id, token) in tokens.enumerated() {
      let isNew = token.withUnsafeBufferPointer {
        table.insert($0, hash: ByteTable.hash($0), value: Int32(id))
      }
      guard isNew else {
        throw FileError(
          .malformed, path: path, place: "token \(id)",
          reason: "\"\(String(decoding: token, as: UTF8.self))\" occurs twice",
          remedy: "use the vocabulary that came with the model")
      }
    }
    self.table = table
    self.tokens = tokens
    longestTokenByteCount = tokens.map(\.count).max() ?? 0
  }

  /// Creates a vocabulary from a JSON object from tokens to ids. The ids must be 0 ..< count, each
  /// used once.
  init(_ object: JSONObject, added: Set<Int32> = [], path: String) throws(FileError) {
    var tokens = [[UInt8]?](repeating: nil, count: object.count)
    for (token, value) in object.members {
      guard let id = value.integer, tokens.indices.contains(id), tokens[id] == nil else {
        throw FileError(
          .malformed, path: path, place: "token \"\(token)\"",
          reason: "its id \(value.text()) is not one of 0 to \(object.count - 1), or not its own",
          remedy: "use the vocabulary that came with the model")
      }
      tokens[id] = Array(token.utf8)
    }
    try self.init(tokens.compactMap { $0 }, added: added, path: path)
  }

  /// The number of tokens.
  public var count: Int { tokens.count }

  /// The id of a token.
  public func id(of token: String) -> Int32? {
    var token = token
    return token.withUTF8 { id(of: $0, hash: ByteTable.hash($0)) }
  }

  /// The token with an id; nil outside the vocabulary.
  public func token(of id: Int32) -> String? {
    bytes(of: id).map { String(decoding: $0, as: UTF8.self) }
  }

  func id(of token: UnsafeBufferPointer<UInt8>, hash: UInt64) -> Int32? {
    table.value(of: token, hash: hash)
  }

  /// The id of a token that belongs to the model itself; nil for any other.
  func ownID(of token: UnsafeBufferPointer<UInt8>, hash: UInt64) -> Int32? {
    guard let id = id(of: token, hash: hash), added.isEmpty || !added.contains(id) else {
      return nil
    }
    return id
  }

  func bytes(of id: Int32) -> [UInt8]? {
    tokens.indices.contains(Int(id)) ? tokens[Int(id)] : nil
  }
}
