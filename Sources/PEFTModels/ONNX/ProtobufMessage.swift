/// A message of protocol buffers in wire format, field after field.
///
/// A field is its number and a wire type in one varint, followed by a varint (type 0), by a length
/// and so many bytes (type 2), or by four bytes (type 5).
struct ProtobufMessage {
  /// The bytes so far.
  private(set) var bytes: [UInt8] = []

  /// Adds an integer; negative ones take ten bytes.
  mutating func add(_ field: Int, _ value: Int) {
    varint(UInt64(field) << 3)
    varint(UInt64(bitPattern: Int64(value)))
  }

  /// Adds a Float32.
  mutating func add(_ field: Int, _ value: Float) {
    varint(UInt64(field) << 3 | 5)
    for shift in stride(from: 0, to: 32, by: 8) {
      bytes.append(UInt8(truncatingIfNeeded: value.bitPattern >> shift))
    }
  }

  /// Adds a text.
  mutating func add(_ field: Int, _ text: String) {
    begin(field, length: text.utf8.count)
    bytes += text.utf8
  }

  /// Adds a message.
  mutating func add(_ field: Int, _ message: ProtobufMessage) {
    begin(field, length: message.bytes.count)
    bytes += message.bytes
  }

  /// Adds the beginning of a field whose `length` bytes follow.
  mutating func begin(_ field: Int, length: Int) {
    varint(UInt64(field) << 3 | 2)
    varint(UInt64(length))
  }

  private mutating func varint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }
}
