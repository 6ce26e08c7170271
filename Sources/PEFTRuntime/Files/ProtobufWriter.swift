/// A message of protocol buffers in wire format, written field after field.
///
/// A field is its number and a wire type in one varint, followed by a varint (type 0), by eight
/// bytes (type 1), by a length and so many bytes (type 2), or by four bytes (type 5).
package struct ProtobufWriter: Sendable {
  /// The bytes so far.
  package private(set) var bytes: [UInt8] = []

  /// An empty message.
  package init() {}

  /// A message with the fields that `fill` adds.
  package init(_ fill: (inout ProtobufWriter) -> Void) { fill(&self) }

  /// Adds an integer; negative ones take ten bytes.
  package mutating func add(_ field: Int, _ value: Int) {
    begin(field, type: 0)
    varint(UInt64(bitPattern: Int64(value)))
  }

  /// Adds a Float64.
  package mutating func add(_ field: Int, double value: Double) {
    begin(field, type: 1)
    bytes += Self.bytes(of: value.bitPattern)
  }

  /// Adds a Float32.
  package mutating func add(_ field: Int, _ value: Float) {
    begin(field, type: 5)
    bytes += Self.bytes(of: value.bitPattern)
  }

  /// Adds a text.
  package mutating func add(_ field: Int, _ text: String) {
    begin(field, length: text.utf8.count)
    bytes += text.utf8
  }

  /// Adds a message.
  package mutating func add(_ field: Int, _ message: ProtobufWriter) {
    begin(field, length: message.bytes.count)
    bytes += message.bytes
  }

  /// Adds the beginning of a field whose `length` bytes follow.
  package mutating func begin(_ field: Int, length: Int) {
    begin(field, type: 2)
    varint(UInt64(length))
  }

  /// The bytes of an integer, the least significant first.
  package static func bytes(of value: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }

  private mutating func begin(_ field: Int, type: UInt64) { varint(UInt64(field) << 3 | type) }

  private mutating func varint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }
}
