/// Why bytes are not a JSON document, and where.
public struct JSONSyntaxError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The line, from 1.
  public let line: Int
  /// The byte in that line, from 1.
  public let column: Int
  /// What is wrong there, as a clause.
  public let reason: String
  /// Whether the document may be correct, and its values need more memory than they are given.
  package var isTooLarge = false

  /// `line L, column C`.
  public var place: String { "line \(line), column \(column)" }

  /// `line L, column C: reason`.
  public var description: String { "\(place): \(reason)" }
}

extension JSONValue {
  /// Objects and arrays nest at most this deep; more is refused, so that no
  /// input exhausts the stack.
  public static let maximumDepth = 128

  /// Parses one document that fills `bytes`.
  ///
  /// Stricter than most readers where the format leaves room: a key that stands twice in one
  /// object, invalid UTF-8, a lone surrogate, bytes after the document and nesting beyond
  /// `maximumDepth` are errors. Time is linear in the input, and so is memory: a document whose
  /// values need more than `memoryFactor` times its size, and more than `unlimitedMemory`, is
  /// refused when that much is in use.
  public init(parsing bytes: some Collection<UInt8>) throws(JSONSyntaxError) {
    var parser = JSONParser(ContiguousArray(bytes))
    self = try parser.value(depth: 0)
    try parser.end()
  }

  /// The bytes of memory that the values of a large document may take for each byte of its text.
  public static let memoryFactor = 8
  /// The bytes of memory that the values of any document may take.
  public static let unlimitedMemory = 1 << 26
}
