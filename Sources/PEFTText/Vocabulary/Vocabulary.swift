import PEFTRuntime

/// The tokens of a tokenizer and their ids. Tokens are compared by bytes, not by Unicode
/// equivalence. An id may have no token.
public struct Vocabulary: Sendable {
  /// The tokens of the model itself.
  private let own: ByteTable
  /// The tokens that do not belong to the model itself, because they are recognised in the text
  /// before the model sees it.
  private var added = ByteTable()
  /// The token of each id; nil for an id without one.
  private var tokens: [[UInt8]?]
  /// The number of bytes of the model's longest token.
  let longestTokenByteCount: Int

  /// The largest id that a vocabulary may have. It bounds the memory that a small file can claim.
  static let largestID = (1 << 24) - 1

  /// Creates a vocabulary in which token i is `tokens[i]`. If a token occurs several times, its
  /// last id counts, as in PyPI's `tokenizers`; the others have no token.
  init(_ tokens: [[UInt8]]) { self.init(byID: tokens) }

  /// Creates a vocabulary from a JSON object from tokens to ids. No two tokens may have one id, but
  /// ids may be missing.
  init(_ object: JSONObject, path: String) throws(FileError) {
    var tokens: [[UInt8]?] = []
    for (token, value) in object.members {
      guard let id = value.integer, (0...Self.largestID).contains(id) else {
        throw Self.malformed(
          token, "its id \(value.text()) is not a number from 0 to \(Self.largestID)", path)
      }
      while tokens.count <= id { tokens.append(nil) }
      guard tokens[id] == nil else {
        throw Self.malformed(token, "its id \(id) is that of another token too", path)
      }
      tokens[id] = Array(token.utf8)
    }
    self.init(byID: tokens)
  }

  private init(byID tokens: [[UInt8]?]) {
    var own = ByteTable(minimumCapacity: tokens.count)
    self.tokens = tokens
    for id in tokens.indices.reversed() {
      guard let token = tokens[id] else { continue }
      let isLast = token.withUnsafeBufferPointer {
        own.insert($0, hash: ByteTable.hash($0), value: Int32(id))
      }
      if !isLast { self.tokens[id] = nil }
    }
    self.own = own
    longestTokenByteCount = tokens.map { $0?.count ?? 0 }.max() ?? 0
  }

  private static func malformed(_ token: String, _ reason: String, _ path: String) -> FileError {
    FileError(
      .malformed, path: path, place: "token \"\(token)\"", reason: reason,
      remedy: "use the vocabulary that came with the model")
  }

  /// The number of ids, which is the largest id and 1. An id may have no token.
  public var count: Int { tokens.count }

  /// The number of tokens of the model itself.
  var ownCount: Int { own.count }

  /// The id of a token.
  public func id(of token: String) -> Int32? {
    var token = token
    return token.withUTF8 { id(of: $0, hash: ByteTable.hash($0)) }
  }

  /// The token with an id; nil if no token has it.
  public func token(of id: Int32) -> String? {
    bytes(of: id).map { String(decoding: $0, as: UTF8.self) }
  }

  func id(of token: UnsafeBufferPointer<UInt8>, hash: UInt64) -> Int32? {
    own.value(of: token, hash: hash) ?? added.value(of: token, hash: hash)
  }

  /// The id of a token that belongs to the model itself; nil for any other.
  func ownID(of token: UnsafeBufferPointer<UInt8>, hash: UInt64) -> Int32? {
    own.value(of: token, hash: hash)
  }

  func bytes(of id: Int32) -> [UInt8]? {
    tokens.indices.contains(Int(id)) ? tokens[Int(id)] : nil
  }

  /// Adds a token that the vocabulary lacks and that does not belong to the model itself. It may
  /// have the id of another token; decoding then gives the added one.
  mutating func add(_ token: String, id: Int32) {
    var token = token
    token.withUTF8 { _ = added.insert($0, hash: ByteTable.hash($0), value: id) }
    while tokens.count <= Int(id) { tokens.append(nil) }
    tokens[Int(id)] = Array(token.utf8)
  }
}
