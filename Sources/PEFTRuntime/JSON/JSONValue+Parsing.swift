/// The reason why bytes are not a JSON document, and its place.
public struct JSONSyntaxError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The line, from 1.
  public let line: Int
  /// The byte in that line, from 1.
  public let column: Int
  /// What is wrong there, as a clause.
  public let reason: String
  /// Whether the document may be valid but its values exceed the memory limit.
  package var isTooLarge = false

  /// `line L, column C`.
  public var place: String { "line \(line), column \(column)" }

  /// `line L, column C: reason`.
  public var description: String { "\(place): \(reason)" }
}

extension JSONValue {
  /// The deepest permitted nesting of objects and arrays.
  ///
  /// Deeper documents are refused, so that no input exhausts the stack.
  public static let maximumDepth = 128

  /// Parses one document that fills `bytes`.
  ///
  /// Stricter than most readers where the format leaves room: a key that occurs twice in one
  /// object, invalid UTF-8, a lone surrogate, bytes after the document and nesting beyond
  /// `maximumDepth` are errors. Time and memory are linear in the input. Parsing stops with an
  /// error as soon as the values take more than `memoryFactor` times the document's size and more
  /// than `unlimitedMemory`.
  public init(parsing bytes: some Collection<UInt8>) throws(JSONSyntaxError) {
    var parser = JSONParser(ContiguousArray(bytes))
    self = try parser.value(depth: 0)
    try parser.end()
  }

  /// The number of bytes of memory that the values of a large document may take for each byte of
  /// its text.
  public static let memoryFactor = 8
  /// The number of bytes of memory that the values of any document may take.
  public static let unlimitedMemory = 1 << 26
}
