import PEFTRuntime

/// The fields of one protocol-buffer message, in the order of the bytes.
struct ProtobufMessage {
  /// The value of a field.
  enum Value {
    case varint(UInt64)
    case fixed32(UInt32)
    case fixed64
    case bytes(Range<Int>)
  }

  /// A field of a message, with its number.
  struct Field {
    let number: Int
    let value: Value
  }

  /// The fields.
  private(set) var fields: [Field] = []
  private let bytes: [UInt8]
  private let path: String

  /// Reads the message in `range` of `bytes`, the contents of the file at `path`.
  init(_ bytes: [UInt8], _ range: Range<Int>, path: String) throws(FileError) {
    self.bytes = bytes
    self.path = path
    var position = range.lowerBound
    while position < range.upperBound {
      let start = position
      let tag = try Self.varint(bytes, &position, range, path)
      guard let number = Int(exactly: tag >> 3), number > 0 else {
        throw Self.malformed("no field has this number", at: start, path)
      }
      let value: Value
      switch tag & 7 {
      case 0: value = .varint(try Self.varint(bytes, &position, range, path))
      case 1:
        try Self.skip(8, &position, range, path)
        value = .fixed64
      case 2:
        let count = try Self.varint(bytes, &position, range, path)
        let first = position
        try Self.skip(count, &position, range, path)
        value = .bytes(first..<position)
      case 5:
        let first = position
        try Self.skip(4, &position, range, path)
        value = .fixed32((0..<4).reduce(0) { $0 | UInt32(bytes[first + $1]) << UInt32(8 * $1) })
      default: throw Self.malformed("no field has this type", at: start, path)
      }
      fields.append(Field(number: number, value: value))
    }
  }

  /// The messages in all fields with this number.
  func messages(_ number: Int) throws(FileError) -> [ProtobufMessage] {
    var messages: [ProtobufMessage] = []
    for field in fields where field.number == number {
      guard case .bytes(let range) = field.value else { continue }
      messages.append(try ProtobufMessage(bytes, range, path: path))
    }
    return messages
  }

  /// The bytes of the last field with this number; nil if there is none.
  func bytes(_ number: Int) -> [UInt8]? {
    guard case .bytes(let range) = last(number) else { return nil }
    return Array(bytes[range])
  }

  /// The integer in the last field with this number; nil if there is none.
  func integer(_ number: Int) -> Int? {
    guard case .varint(let value) = last(number) else { return nil }
    return Int(truncatingIfNeeded: value)
  }

  /// The Float32 in the last field with this number; nil if there is none.
  func float(_ number: Int) -> Float? {
    guard case .fixed32(let bits) = last(number) else { return nil }
    return Float(bitPattern: bits)
  }

  private func last(_ number: Int) -> Value? { fields.last { $0.number == number }?.value }

  private static func varint(
    _ bytes: [UInt8], _ position: inout Int, _ range: Range<Int>, _ path: String
  ) throws(FileError) -> UInt64 {
    let start = position
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 70, by: 7) {
      guard position < range.upperBound else { throw malformed("a number is cut", at: start, path) }
      let byte = bytes[position]
      position += 1
      value |= UInt64(byte & 0x7F) << shift
      if byte & 0x80 == 0 { return value }
    }
    throw malformed("a number has more than ten bytes", at: start, path)
  }

  private static func skip(
    _ count: UInt64, _ position: inout Int, _ range: Range<Int>, _ path: String
  ) throws(FileError) {
    guard count <= UInt64(range.upperBound - position) else {
      throw malformed("a field is longer than what it is in", at: position, path)
    }
    position += Int(count)
  }

  private static func malformed(_ reason: String, at position: Int, _ path: String) -> FileError {
    FileError(
      .malformed, path: path, place: "byte \(position)", reason: reason,
      remedy: "use the file that came with the model")
  }
}
