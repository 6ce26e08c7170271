/// A recursive-descent parser over bytes; `position` is always the index of the next unread byte.
///
/// A caller that does not need a whole document can read members of objects and elements of arrays
/// one at a time.
package struct JSONParser {
  private let bytes: ContiguousArray<UInt8>
  private var position = 0
  /// An upper bound on the bytes of memory that the parsed values occupy, and its limit.
  private var memory = 0
  private let memoryLimit: Int

  package init(_ bytes: ContiguousArray<UInt8>) {
    self.bytes = bytes
    memoryLimit = max(JSONValue.unlimitedMemory, JSONValue.memoryFactor * bytes.count)
  }

  /// The next byte that is not white space; nil at the end.
  package var nextByte: UInt8? {
    mutating get {
      skipWhitespace()
      return position < bytes.count ? bytes[position] : nil
    }
  }

  /// Throws if anything but white space is left.
  package mutating func end() throws(JSONSyntaxError) {
    guard nextByte == nil else { throw failure("unexpected text after the document") }
  }

  /// Adds to the memory that the parsed values occupy, and throws beyond the limit.
  package mutating func charge(_ byteCount: Int) throws(JSONSyntaxError) {
    memory += byteCount
    guard memory > memoryLimit else { return }
    var failure = failure(
      "what stands before needs more than \(memoryLimit >> 20) MiB of memory, "
        + "\(memoryLimit / max(1, position)) times its size")
    failure.isTooLarge = true
    throw failure
  }

  /// An error at `offset`, or at the next byte.
  package func failure(_ reason: String, at offset: Int? = nil) -> JSONSyntaxError {
    let end = min(offset ?? position, bytes.count)
    var line = 1
    var lineStart = 0
    for index in 0..<end where bytes[index] == UInt8(ascii: "\n") {
      line += 1
      lineStart = index + 1
    }
    return JSONSyntaxError(line: line, column: end - lineStart + 1, reason: reason)
  }

  private mutating func skipWhitespace() {
    while position < bytes.count {
      switch bytes[position] {
      case 0x20, 0x09, 0x0A, 0x0D: position += 1
      default: return
      }
    }
  }

  /// The next value, inside `depth` open containers.
  package mutating func value(depth: Int) throws(JSONSyntaxError) -> JSONValue {
    guard depth <= JSONValue.maximumDepth else { throw failure("nested too deeply") }
    skipWhitespace()
    guard position < bytes.count else { throw failure("the document ends where a value is due") }
    switch bytes[position] {
    case UInt8(ascii: "{"): return .object(try object(depth: depth))
    case UInt8(ascii: "["): return .array(try array(depth: depth))
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try literal("true", .bool(true))
    case UInt8(ascii: "f"): return try literal("false", .bool(false))
    case UInt8(ascii: "n"): return try literal("null", .null)
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
    default: throw failure("a value cannot begin with this byte")
    }
  }

  private mutating func literal(_ word: StaticString, _ value: JSONValue) throws(JSONSyntaxError)
    -> JSONValue
  {
    for index in 0..<word.utf8CodeUnitCount {
      let expected = word.withUTF8Buffer { $0[index] }
      guard position + index < bytes.count, bytes[position + index] == expected else {
        throw failure("expected \(word)")
      }
    }
    position += word.utf8CodeUnitCount
    return value
  }

  private mutating func object(depth: Int) throws(JSONSyntaxError) -> JSONObject {
    position += 1
    var members = JSONObject()
    while let (key, place) = try nextKey(after: members.count) {
      try charge(JSONObject.memberByteCount + (members.count == 0 ? Self.containerByteCount : 0))
      guard members.append(try value(depth: depth + 1), for: key) else {
        throw failure("the key \"\(key)\" occurs twice", at: place)
      }
    }
    return members
  }

  private mutating func array(depth: Int) throws(JSONSyntaxError) -> [JSONValue] {
    position += 1
    var elements: [JSONValue] = []
    while try nextElement(after: elements.count) {
      // A growing array reserves room for up to twice its elements.
      try charge(
        2 * MemoryLayout<JSONValue>.stride + (elements.isEmpty ? Self.containerByteCount : 0))
      elements.append(try value(depth: depth + 1))
    }
    return elements
  }

  /// The bytes that the storage of an array or object takes in addition to its elements: Swift's
  /// header and malloc's.
  private static let containerByteCount = 48

  /// Moves past the key and colon of an object's next member, after `count` members since its
  /// opening brace. At the end, moves past the closing brace and returns nil.
  ///
  /// - Returns: the key and its offset.
  package mutating func nextKey(
    after count: Int
  ) throws(JSONSyntaxError) -> (text: String, place: Int)? {
    skipWhitespace()
    if take(UInt8(ascii: "}")) { return nil }
    if count > 0 {
      guard take(UInt8(ascii: ",")) else { throw failure("expected a comma or a closing brace") }
      skipWhitespace()
    }
    guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else {
      throw failure("expected a key")
    }
    let place = position
    let key = try string()
    skipWhitespace()
    guard take(UInt8(ascii: ":")) else { throw failure("expected a colon") }
    return (key, place)
  }

  /// Moves to an array's next element, after `count` elements since its opening bracket. At the
  /// end, moves past the closing bracket and returns false.
  package mutating func nextElement(after count: Int) throws(JSONSyntaxError) -> Bool {
    skipWhitespace()
    if take(UInt8(ascii: "]")) { return false }
    guard count == 0 || take(UInt8(ascii: ",")) else {
      throw failure("expected a comma or a closing bracket")
    }
    return true
  }

  /// Moves past `byte` if it is the next byte.
  package mutating func take(_ byte: UInt8) -> Bool {
    guard position < bytes.count, bytes[position] == byte else { return false }
    position += 1
    return true
  }

  /// A number in the grammar of RFC 8259. An integer beyond 64 bits becomes a Double; an overflow
  /// to infinity is refused.
  package mutating func number() throws(JSONSyntaxError) -> JSONValue {
    let start = position
    _ = take(UInt8(ascii: "-"))
    if !take(UInt8(ascii: "0")) { try digits() }
    var isInteger = true
    if take(UInt8(ascii: ".")) {
      isInteger = false
      try digits()
    }
    if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
      isInteger = false
      if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
      try digits()
    }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    if isInteger, let exact = Int(text) { return .integer(exact) }
    guard let value = Double(text), value.isFinite else {
      throw failure("the number \(text) is out of range", at: start)
    }
    return .number(value)
  }

  private mutating func digits() throws(JSONSyntaxError) {
    let start = position
    while position < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[position])
    {
      position += 1
    }
    guard position > start else { throw failure("expected a digit") }
  }

  /// A string whose opening quotation mark is next.
  package mutating func string() throws(JSONSyntaxError) -> String {
    position += 1
    let start = position
    var run = plainRun()
    var text: String?
    if position < bytes.count, bytes[position] == UInt8(ascii: "\"") {
      text = String(validating: bytes[run], as: UTF8.self)
    } else {
      var buffer: ContiguousArray<UInt8> = []
      while true {
        buffer += bytes[run]
        guard position < bytes.count else { throw failure("the document ends inside a string") }
        if bytes[position] == UInt8(ascii: "\"") { break }
        guard bytes[position] >= 0x20 else { throw failure("a control character inside a string") }
        try escape(into: &buffer)
        run = plainRun()
      }
      text = String(validating: buffer, as: UTF8.self)
    }
    position += 1
    guard let text else { throw failure("invalid UTF-8 inside a string", at: start) }
    // Shorter strings are stored inline.
    if text.utf8.count > 15 { try charge(text.utf8.count + 48) }
    return text
  }

  /// Skips the bytes of a string that need no decoding.
  private mutating func plainRun() -> Range<Int> {
    let start = position
    while position < bytes.count, bytes[position] >= 0x20, bytes[position] != UInt8(ascii: "\""),
      bytes[position] != UInt8(ascii: "\\")
    {
      position += 1
    }
    return start..<position
  }

  private mutating func escape(into buffer: inout ContiguousArray<UInt8>) throws(JSONSyntaxError) {
    let start = position
    position += 1
    guard position < bytes.count else { throw failure("the document ends inside a string") }
    let byte = bytes[position]
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): buffer.append(byte)
    case UInt8(ascii: "b"): buffer.append(0x08)
    case UInt8(ascii: "f"): buffer.append(0x0C)
    case UInt8(ascii: "n"): buffer.append(0x0A)
    case UInt8(ascii: "r"): buffer.append(0x0D)
    case UInt8(ascii: "t"): buffer.append(0x09)
    case UInt8(ascii: "u"):
      var code = UInt32(try hexadecimalUnit())
      if (0xD800..<0xDC00).contains(code) {
        guard take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")) else {
          throw failure("a lone surrogate", at: start)
        }
        let low = UInt32(try hexadecimalUnit())
        guard (0xDC00..<0xE000).contains(low) else { throw failure("a lone surrogate", at: start) }
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)
      }
      guard let scalar = Unicode.Scalar(code) else { throw failure("a lone surrogate", at: start) }
      buffer.append(contentsOf: UTF8.encode(scalar) ?? .init())
    default: throw failure("an unknown escape", at: start)
    }
  }

  private mutating func hexadecimalUnit() throws(JSONSyntaxError) -> UInt16 {
    guard position + 4 <= bytes.count else { throw failure("the document ends inside a string") }
    var unit: UInt16 = 0
    for _ in 0..<4 {
      guard let digit = Character(Unicode.Scalar(bytes[position])).hexDigitValue,
        bytes[position] < 0x80
      else { throw failure("expected four hexadecimal digits") }
      unit = unit << 4 | UInt16(digit)
      position += 1
    }
    return unit
  }
}
