/// Parses the text of a safetensors header, tensor by tensor.
///
/// It builds no JSON document, and stops at the first value that does not belong in a header.
struct SafetensorsHeaderParser {
  private var json: JSONParser
  private let path: String

  /// The text about the file; empty if it has none.
  private(set) var metadata: [String: String] = [:]

  /// The maximum number of extents of a tensor.
  private static let rankLimit = 64
  /// The maximum number of bytes of memory that a tensor takes in the header and in tables keyed by
  /// its name.
  private static let entryByteCount =
    2 * MemoryLayout<SafetensorsEntry>.stride + 6 * MemoryLayout<UTF8Key>.stride

  /// Creates a parser of `text`, the header of the file at `path`.
  init(_ text: [UInt8], path: String) {
    json = JSONParser(ContiguousArray(text))
    self.path = path
  }

  /// Parses the whole text and passes each tensor to `body`.
  ///
  /// Errors: `malformed`, naming the tensor if one is at fault; `unsupported`; any error that
  /// `body` throws.
  mutating func parse(
    _ body: (SafetensorsHeaderMember) throws(FileError) -> Void
  ) throws(FileError) {
    var names: Set<UTF8Key> = []
    guard json.take(UInt8(ascii: "{")) else {
      throw FileError(.malformed, path: path, reason: "the header is not a JSON object")
    }
    while let name = try nextKey(&names) {
      if name == SafetensorsHeader.metadataKey {
        try parseMetadata()
      } else {
        try body(try member(name))
      }
    }
    try parsing { json throws(JSONSyntaxError) in try json.end() }
  }

  private mutating func parseMetadata() throws(FileError) {
    func failure(_ reason: String) -> FileError {
      FileError(.malformed, path: path, place: SafetensorsHeader.metadataKey, reason: reason)
    }
    var keys: Set<UTF8Key> = []
    if json.nextByte == UInt8(ascii: "n") {
      // Others write null for a file without text.
      _ = try parsing { json throws(JSONSyntaxError) in try json.value(depth: 1) }
      return
    }
    guard begins(with: "{") else { throw failure("not a JSON object") }
    while let key = try nextKey(&keys) {
      guard json.nextByte == UInt8(ascii: "\"") else {
        throw failure("the value of \"\(key)\" is not a string")
      }
      metadata[key] = try parsing { json throws(JSONSyntaxError) in
        // Two strings in a half-full dictionary.
        try json.charge(4 * MemoryLayout<String>.stride)
        return try json.string()
      }
    }
  }

  private mutating func member(_ name: String) throws(FileError) -> SafetensorsHeaderMember {
    var member = SafetensorsHeaderMember(name: name, path: path)
    var fields: Set<UTF8Key> = []
    guard begins(with: "{") else {
      throw member.failure("its description is not a JSON object")
    }
    while let field = try nextKey(&fields) {
      switch field {
      case "dtype":
        if json.nextByte == UInt8(ascii: "\"") {
          member.type = try parsing { json throws(JSONSyntaxError) in try json.string() }
        }
        guard member.type != nil else { throw member.noType }
      case "shape":
        member.shape = try naturalNumbers(limit: Self.rankLimit)
        guard member.shape != nil else { throw member.noShape }
      case "data_offsets":
        member.offsets = try naturalNumbers(limit: 2)
        guard member.offsets != nil else { throw member.noOffsets }
      default: throw member.failure("its description has the unknown field \"\(field)\"")
      }
    }
    let count = member.shape?.count ?? 0
    try parsing { json throws(JSONSyntaxError) in
      try json.charge(Self.entryByteCount + count * MemoryLayout<Int>.stride)
    }
    return member
  }

  /// The numbers of an array; nil at the first byte that does not begin a number, and if there are
  /// more than `limit`.
  private mutating func naturalNumbers(limit: Int) throws(FileError) -> [Int]? {
    guard begins(with: "[") else { return nil }
    var numbers: [Int] = []
    while try parsing({ json throws(JSONSyntaxError) in
      try json.nextElement(after: numbers.count)
    }) {
      guard let byte = json.nextByte, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte),
        numbers.count < limit
      else { return nil }
      let value = try parsing { json throws(JSONSyntaxError) in try json.number() }
      guard let number = value.integer else { return nil }
      numbers.append(number)
    }
    return numbers
  }

  /// Whether the next value begins with `opening`, which is consumed.
  private mutating func begins(with opening: Unicode.Scalar) -> Bool {
    json.nextByte == UInt8(ascii: opening) && json.take(UInt8(ascii: opening))
  }

  /// The next key of an object, or nil at its end. `keys` collects the keys already read.
  private mutating func nextKey(_ keys: inout Set<UTF8Key>) throws(FileError) -> String? {
    try parsing { json throws(JSONSyntaxError) in
      guard let (key, place) = try json.nextKey(after: keys.count) else { return nil }
      guard keys.insert(UTF8Key(key)).inserted else {
        throw json.failure("the key \"\(key)\" occurs twice", at: place)
      }
      return key
    }
  }

  private mutating func parsing<Result>(
    _ body: (inout JSONParser) throws(JSONSyntaxError) -> Result
  ) throws(FileError) -> Result {
    do throws(JSONSyntaxError) {
      return try body(&json)
    } catch {
      throw FileError(error, path: path, part: "header, ")
    }
  }
}
