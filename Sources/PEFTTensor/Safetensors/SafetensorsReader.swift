import Synchronization

/// A safetensors file whose tensors are read and converted on demand.
///
/// The file stays open as long as the reader exists, and is read only through that one handle.
/// Meanwhile `SafetensorsWriter` or `AtomicFile` may safely replace the file at the same path; the
/// reader keeps seeing the old contents. Whether values are finite is not checked here.
public final class SafetensorsReader: Sendable {
  /// The path of the file, as the caller named it.
  public var path: String { file.path }
  private let header: SafetensorsHeader
  private let file: RandomAccessFile
  private let indices: [UTF8Key: Int]
  private let knownDigest = Mutex<String?>(nil)

  /// Opens the file at `path`, which must be a regular file, and checks its header.
  ///
  /// Errors: `notFound`, `storage`; `malformed` or `unsupported` as documented for
  /// `SafetensorsHeader`.
  public init(path: String) throws(FileError) {
    file = try RandomAccessFile(path: path)
    header = try SafetensorsHeader(of: file)
    var indices: [UTF8Key: Int] = [:]
    for (index, entry) in header.entries.enumerated() { indices[UTF8Key(entry.name)] = index }
    self.indices = indices
  }

  /// The names of the tensors in the order of their bytes in the file.
  public var tensorNames: [String] { header.entries.map(\.name) }

  /// The text about the file; empty if it has none.
  public var metadata: [String: String] { header.metadata }

  /// The type and shape of the tensor `name`; nil if the file has no tensor of this name.
  public func entry(_ name: String) -> SafetensorsEntry? {
    indices[UTF8Key(name)].map { header.entries[$0] }
  }

  /// The SHA-256 of the whole file in hexadecimal. The file is read once to compute it.
  ///
  /// Errors: `malformed` if the file has been written to since it was opened, `storage`.
  package func digest() throws(FileError) -> String {
    if let digest = knownDigest.withLock({ $0 }) {
      try file.checkUnchanged()
      return digest
    }
    var hash = SHA256()
    try file.forEachPiece(in: 0..<file.byteCount) { hash.append($0) }
    try file.checkUnchanged()
    let digest = hash.hexadecimal
    knownDigest.withLock { $0 = digest }
    return digest
  }

  /// Calls `body` with the little-endian, row-major bytes of the tensor `name`. All bytes are in
  /// memory during the call, and must not be kept beyond it.
  ///
  /// Errors: `malformed` if the file has no such tensor, or has been written to since it was
  /// opened; any error that `body` throws.
  public func withBytes<Result>(
    of name: String, _ body: (UnsafeRawBufferPointer) throws(FileError) -> Result
  ) throws(FileError) -> Result {
    let entry = try existingEntry(name)
    let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: entry.byteCount, alignment: 64)
    defer { bytes.deallocate() }
    try file.read(at: entry.range.lowerBound, into: bytes)
    try file.checkUnchanged()
    return try body(UnsafeRawBufferPointer(bytes))
  }

  /// The elements of the tensor `name`, of type F32, F16, BF16 or F64 (rounded to nearest).
  ///
  /// Errors: `malformed` if the file has no such tensor, or has been written to since it was
  /// opened; `unsupported` for another type.
  public func floats(of name: String) throws(FileError) -> [Float] {
    let entry = try existingEntry(name)
    return try Array(count: entry.elementCount) { (elements) throws(FileError) in
      try readFloats(of: name, into: elements)
    }
  }

  /// Writes the elements of the tensor `name`, as returned by `floats(of:)`, to `destination`,
  /// whose size must match exactly.
  ///
  /// Errors: those of `floats(of:)`.
  public func readFloats(
    of name: String, into destination: UnsafeMutableBufferPointer<Float>
  ) throws(FileError) {
    let entry = try existingEntry(name)
    precondition(
      destination.count == entry.elementCount,
      "SafetensorsReader.readFloats: \(name) has shape \(entry.shape), room for \(destination.count)"
    )
    switch entry.type {
    case .float32:
      try file.read(at: entry.range.lowerBound, into: UnsafeMutableRawBufferPointer(destination))
    case .float64:
      try read(entry, as: UInt64.self, into: destination) { Float(Double(bitPattern: $0)) }
    case .float16:
      try read(entry, as: UInt16.self, into: destination) { HalfPrecision.float(half: $0) }
    case .bfloat16:
      try read(entry, as: UInt16.self, into: destination) { HalfPrecision.float(bfloat: $0) }
    default:
      throw failure(entry, "its type \(entry.type.rawValue) is not F32, F16, BF16 or F64")
    }
    try file.checkUnchanged()
  }

  /// The matrix `name`, of type BF16.
  ///
  /// Errors: `malformed` if the file has no such tensor, or has been written to since it was
  /// opened; `unsupported` for another type.
  package func bfloatMatrix(of name: String) throws(FileError) -> BFloatMatrix {
    let entry = try existingEntry(name)
    guard entry.type == .bfloat16 else {
      throw failure(entry, "its type \(entry.type.rawValue) is not BF16")
    }
    let matrix = try BFloatMatrix(Shape(entry.shape)) { (elements) throws(FileError) in
      try file.read(at: entry.range.lowerBound, into: UnsafeMutableRawBufferPointer(elements))
    }
    try file.checkUnchanged()
    return matrix
  }

  /// The elements of the tensor `name`, of a signed or unsigned integer type.
  ///
  /// Errors: `malformed` if the file has no such tensor, an element exceeds `Int64.max`, or the
  /// file has been written to since it was opened; `unsupported` for another type.
  public func integers(of name: String) throws(FileError) -> [Int64] {
    let entry = try existingEntry(name)
    return try Array(count: entry.elementCount) { (elements) throws(FileError) in
      switch entry.type {
      case .int8: try read(entry, as: Int8.self, into: elements) { Int64($0) }
      case .int16: try read(entry, as: Int16.self, into: elements) { Int64($0) }
      case .int32: try read(entry, as: Int32.self, into: elements) { Int64($0) }
      case .int64: try read(entry, as: Int64.self, into: elements) { $0 }
      case .uint8: try read(entry, as: UInt8.self, into: elements) { Int64($0) }
      case .uint16: try read(entry, as: UInt16.self, into: elements) { Int64($0) }
      case .uint32: try read(entry, as: UInt32.self, into: elements) { Int64($0) }
      case .uint64:
        try read(entry, as: UInt64.self, into: elements) { Int64(bitPattern: $0) }
        guard elements.allSatisfy({ $0 >= 0 }) else {
          throw FileError(
            .malformed, path: path, place: "tensor \"\(name)\"",
            reason: "it has an element beyond \(Int64.max)")
        }
      default: throw failure(entry, "its type \(entry.type.rawValue) is not an integer type")
      }
      try file.checkUnchanged()
    }
  }

  /// Writes `convert` of each little-endian number of a tensor in the file.
  private func read<Stored: FixedWidthInteger & BitwiseCopyable, Element: BitwiseCopyable>(
    _ entry: SafetensorsEntry, as type: Stored.Type,
    into destination: UnsafeMutableBufferPointer<Element>, convert: (Stored) -> Element
  ) throws(FileError) {
    var done = 0
    try file.forEachPiece(in: entry.range) { piece in
      let count = piece.count / MemoryLayout<Stored>.stride
      UnsafeMutableBufferPointer(rebasing: destination[done..<done + count])
        .fill(from: piece, as: type, convert: convert)
      done += count
    }
  }

  private func existingEntry(_ name: String) throws(FileError) -> SafetensorsEntry {
    guard let entry = entry(name) else {
      throw FileError(
        .malformed, path: path, place: "tensor \"\(name)\"", reason: "the file has no such tensor")
    }
    return entry
  }

  private func failure(_ entry: SafetensorsEntry, _ reason: String) -> FileError {
    FileError(
      .unsupported, path: path, place: "tensor \"\(entry.name)\"", reason: reason,
      remedy: "convert the tensor, or use a checkpoint in F32, F16 or BF16")
  }
}

extension UnsafeMutableBufferPointer where Element: BitwiseCopyable {
  /// Writes `convert` of each little-endian number in `bytes`.
  fileprivate func fill<Stored: FixedWidthInteger & BitwiseCopyable>(
    from bytes: UnsafeRawBufferPointer, as type: Stored.Type, convert: (Stored) -> Element
  ) {
    for index in indices {
      let offset = index * MemoryLayout<Stored>.stride
      let stored = bytes.loadUnaligned(fromByteOffset: offset, as: type)
      self[index] = convert(Stored(littleEndian: stored))
    }
  }
}

extension Array where Element: BitwiseCopyable {
  /// Creates an array of `count` elements that `body` must write completely.
  fileprivate init(
    count: Int, _ body: (UnsafeMutableBufferPointer<Element>) throws(FileError) -> Void
  ) throws(FileError) {
    var failure: FileError?
    self.init(unsafeUninitializedCapacity: count) { buffer, initialized in
      do throws(FileError) {
        try body(UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
        initialized = count
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
  }
}
