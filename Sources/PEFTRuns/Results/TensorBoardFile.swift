import Foundation
import PEFTTensor

/// Writes scalars in TensorBoard's event format. A record consists of a length, the length's
/// checksum, a message and its checksum (CRC-32C, masked), little-endian; messages are protocol
/// buffers of the type `Event`.
///
/// Each process that works on a run writes its own file. When a run is resumed, the first event of
/// the new file gives the step, and TensorBoard ignores later steps in earlier files.
struct TensorBoardFile {
  /// The prefix of the names of such files, by which TensorBoard finds them.
  static let namePrefix = "events.out.tfevents."

  private var file: AppendedFile

  /// The name for a new file of this process.
  static var newName: String {
    "\(namePrefix)\(Int(Date().timeIntervalSince1970)).\(getpid()).peft"
  }

  /// Creates a file in `output` for the steps after `step`.
  init(in output: OutputDirectory, after step: Int) throws(FileError) {
    file = try AppendedFile(creating: try output.file(Self.newName))
    try append { $0.add(3, "brain.Event:2") }
    guard step > 0 else { return }
    try append {
      $0.add(2, step + 1)
      // A session log with the status START.
      $0.add(7, ProtobufWriter { $0.add(1, 1) })
    }
  }

  /// Appends values of scalars after a step.
  mutating func add(_ values: [(tag: String, value: Double)], step: Int) throws(FileError) {
    try append {
      $0.add(2, step)
      $0.add(
        5,
        ProtobufWriter { summary in
          for (tag, value) in values {
            summary.add(
              1,
              ProtobufWriter {
                $0.add(1, tag)
                $0.add(2, Float(value))
              })
          }
        })
    }
  }

  private mutating func append(_ fill: (inout ProtobufWriter) -> Void) throws(FileError) {
    let event = ProtobufWriter {
      $0.add(1, double: Date().timeIntervalSince1970)
      fill(&$0)
    }
    let length = ProtobufWriter.bytes(of: UInt64(event.bytes.count))
    try file.append(
      length + ProtobufWriter.bytes(of: CRC32C.masked(length)) + event.bytes
        + ProtobufWriter.bytes(of: CRC32C.masked(event.bytes)))
  }
}

/// The cyclic redundancy check with Castagnoli's polynomial.
private enum CRC32C {
  private static let table: [UInt32] = (0..<256).map { index in
    (0..<8).reduce(UInt32(index)) { value, _ in value >> 1 ^ (value & 1 == 0 ? 0 : 0x82F6_3B78) }
  }

  /// The checksum, rotated and offset as the record format requires, so that data may themselves
  /// contain checksums.
  static func masked(_ bytes: [UInt8]) -> UInt32 {
    let sum = ~bytes.reduce(~UInt32(0)) { table[Int(($0 ^ UInt32($1)) & 0xFF)] ^ $0 >> 8 }
    return (sum >> 15 | sum << 17) &+ 0xA282_EAD8
  }
}
