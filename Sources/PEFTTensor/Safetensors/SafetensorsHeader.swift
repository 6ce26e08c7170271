/// One tensor of a safetensors file.
public struct SafetensorsEntry: Hashable, Sendable {
  /// The name of the tensor.
  public let name: String
  /// The type of the elements.
  public let type: SafetensorsElementType
  /// The extents, row-major; empty for a scalar.
  public let shape: [Int]
  /// The range of the tensor's bytes, counted from the beginning of the file.
  let range: Range<Int>

  /// The number of bytes of all elements.
  public var byteCount: Int { range.count }
  /// The number of elements.
  public var elementCount: Int { 8 * range.count / type.bitCount }
}

/// The header of a safetensors file, checked against the size of the file.
///
/// A file consists of the header's length (8 bytes, little-endian), the header, and the bytes of
/// the tensors. The header is a JSON object `{name: {"dtype", "shape", "data_offsets":
/// [begin, end]}}`, with offsets counted from the end of the header and text about the file under
/// the key `__metadata__`. After parsing, the ranges of the tensors cover the rest of the file
/// without overlaps or gaps, and each has the size that its shape and type require.
public struct SafetensorsHeader: Sendable {
  /// The largest header that is accepted, in bytes.
  public static let maximumByteCount = 100_000_000
  /// The key of the text about the file.
  static let metadataKey = "__metadata__"

  /// The tensors in the order of their bytes in the file.
  public let entries: [SafetensorsEntry]
  /// The text about the file; empty if it has none.
  public let metadata: [String: String]

  /// Parses the header of the file whose bytes are `file`. Errors name `path`.
  ///
  /// Errors: `malformed` or `unsupported`, naming the tensor if one is at fault.
  public init(parsing file: UnsafeRawBufferPointer, path: String) throws(FileError) {
    try self.init(byteCount: file.count, path: path) { range in Array(file[range]) }
  }

  /// Reads the header of `file`.
  ///
  /// Errors: those of `init(parsing:path:)`; `malformed` if the file has been written to since it
  /// was opened.
  init(of file: RandomAccessFile) throws(FileError) {
    try self.init(byteCount: file.byteCount, path: file.path) { range throws(FileError) in
      try file.bytes(in: range)
    }
    try file.checkUnchanged()
  }

  /// Parses the header of a file of `byteCount` bytes; `bytes` returns the bytes in a range.
  private init(
    byteCount: Int, path: String, bytes: (Range<Int>) throws(FileError) -> [UInt8]
  ) throws(FileError) {
    let text = try Self.text(byteCount: byteCount, path: path, bytes: bytes)
    let data = 8 + text.count..<byteCount
    var parser = SafetensorsHeaderParser(text, path: path)
    var entries: [SafetensorsEntry] = []
    try parser.parse { member throws(FileError) in
      entries.append(try member.entry(dataStart: data.lowerBound, fileEnd: data.upperBound))
    }
    // Empty tensors share their offset with the tensor that follows them.
    entries.sort {
      ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound)
    }
    try Self.checkCoverage(entries, data: data, path: path)
    self.entries = entries
    metadata = parser.metadata
  }

  private static func text(
    byteCount: Int, path: String, bytes: (Range<Int>) throws(FileError) -> [UInt8]
  ) throws(FileError) -> [UInt8] {
    let start = try bytes(0..<min(byteCount, SafetensorsLookalike.byteCount))
    func failure(_ reason: String, remedy: String = "") -> FileError {
      SafetensorsLookalike(start)?.error(path: path)
        ?? FileError(.malformed, path: path, reason: reason, remedy: remedy)
    }
    let download = "the download may have been cut short: fetch it again"
    guard byteCount >= 8 else {
      throw failure("\(byteCount) bytes are too few for a safetensors file", remedy: download)
    }
    let length = start[..<8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard length <= UInt64(maximumByteCount) else {
      throw failure("a header of \(length) bytes is larger than \(maximumByteCount)")
    }
    guard Int(length) <= byteCount - 8 else {
      throw failure(
        "the file has \(byteCount) bytes and its header alone needs \(8 + length)",
        remedy: download)
    }
    guard length > 0, start[8] == UInt8(ascii: "{") else {
      throw failure("the header does not begin with an opening brace")
    }
    return try bytes(8..<8 + Int(length))
  }

  /// Checks that `entries`, sorted by range, cover `data` from the first to the last byte without
  /// gaps.
  private static func checkCoverage(
    _ entries: [SafetensorsEntry], data: Range<Int>, path: String
  ) throws(FileError) {
    var end = data.lowerBound
    for entry in entries {
      guard entry.range.lowerBound == end else {
        let isOverlap = entry.range.lowerBound < end
        throw FileError(
          .malformed, path: path, place: "tensor \"\(entry.name)\"",
          reason: isOverlap
            ? "its bytes overlap those of another tensor"
            : "\(entry.range.lowerBound - end) bytes before it belong to no tensor")
      }
      end = entry.range.upperBound
    }
    guard end == data.upperBound else {
      throw FileError(
        .malformed, path: path,
        reason: "\(data.upperBound - end) bytes after the last tensor belong to none")
    }
  }
}
