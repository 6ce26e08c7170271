/// A safetensors file, its tensors mapped read-only into memory and converted on demand.
///
/// The mapping lives as long as the reader. Replacing the file at the same path by
/// `SafetensorsWriter` or `AtomicFile` is safe meanwhile; the reader keeps seeing the old one. Whether
/// values are finite is not checked here.
public final class SafetensorsReader: Sendable {
  /// The path of the file, as the caller named it.
  public let path: String
  private let header: SafetensorsHeader
  private let mapping: FileMapping
  private let indices: [UTF8Key: Int]

  /// Opens the file at `path` and checks its header.
  ///
  /// Errors: `notFound`, `storage`; `malformed` or `unsupported` as `SafetensorsHeader` says.
  public init(path: String) throws(FileError) {
    self.path = path
    let mapping = try FileMapping(path: path)
    self.mapping = mapping
    header = try mapping.withBytes { (bytes) throws(FileError) in
      try SafetensorsHeader(parsing: bytes, path: path)
    }
    var indices: [UTF8Key: Int] = [:]
    for (index, entry) in header.entries.enumerated() { indices[UTF8Key(entry.name)] = index }
    self.indices = indices
  }

  /// The names of the tensors in the order of their bytes in the file.
  public var tensorNames: [String] { header.entries.map(\.name) }

  /// The text about the file, empty when it has none.
  public var metadata: [String: String] { header.metadata }

  /// The type and shape of the tensor `name`, nil when the file has none of this name.
  public func entry(_ name: String) -> SafetensorsEntry? {
    indices[UTF8Key(name)].map { header.entries[$0] }
  }

  /// Calls `body` with the little-endian bytes of the tensor `name`, row-major.
  ///
  /// The bytes may begin at any address, aligned for the element type or not, and must not be kept
  /// beyond the call. Errors: `malformed` when the file has no such tensor, or was written to since it was
  /// opened; what `body` throws.
  public func withBytes<Result>(
    of name: String, _ body: (UnsafeRawBufferPointer) throws(FileError) -> Result
  ) throws(FileError) -> Result {
    let entry = try existingEntry(name)
    try mapping.checkUnchanged()
    // What has been read would stay in memory beside what was made of it.
    defer { mapping.release(entry.range) }
    return try mapping.withBytes { (bytes) throws(FileError) in
      try body(UnsafeRawBufferPointer(rebasing: bytes[entry.range]))
    }
  }

  /// The elements of the tensor `name`, of type F32, F16, BF16 or F64 (rounded to nearest).
  ///
  /// Errors: `malformed` when the file has no such tensor, `unsupported` for another type.
  public func floats(of name: String) throws(FileError) -> [Float] {
    let entry = try existingEntry(name)
    return try Array(count: entry.elementCount) { (elements) throws(FileError) in
      try readFloats(of: name, into: elements)
    }
  }

  /// Writes the elements of the tensor `name`, as `floats(of:)` returns them, to `destination`,
  /// which must have room for exactly as many.
  ///
  /// Errors: as `floats(of:)`.
  public func readFloats(
    of name: String, into destination: UnsafeMutableBufferPointer<Float>
  ) throws(FileError) {
    let entry = try existingEntry(name)
    precondition(
      destination.count == entry.elementCount,
      "SafetensorsReader.readFloats: \(name) has shape \(entry.shape), room for \(destination.count)"
    )
    try withBytes(of: name) { (bytes) throws(FileError) in
      switch entry.type {
      case .float32: copy(bytes, at: entry.range.lowerBound, to: .init(destination))
      case .float64:
        destination.fill(from: bytes, as: UInt64.self) { Float(Double(bitPattern: $0)) }
      case .float16:
        destination.fill(from: bytes, as: UInt16.self) { HalfPrecision.float(half: $0) }
      case .bfloat16:
        destination.fill(from: bytes, as: UInt16.self) { HalfPrecision.float(bfloat: $0) }
      default:
        throw failure(entry, "its type \(entry.type.rawValue) is not F32, F16, BF16 or F64")
      }
    }
  }

  /// Copies bytes of the file in pieces, so that no more than one of them is in memory twice.
  private func copy(
    _ bytes: UnsafeRawBufferPointer, at start: Int, to target: UnsafeMutableRawBufferPointer
  ) {
    for place in stride(from: 0, to: bytes.count, by: 1 << 23) {
      let piece = place..<min(bytes.count, place + 1 << 23)
      UnsafeMutableRawBufferPointer(rebasing: target[piece]).copyMemory(
        from: UnsafeRawBufferPointer(rebasing: bytes[piece]))
      mapping.release(start + piece.lowerBound..<start + piece.upperBound)
    }
  }

  /// The elements of the tensor `name`, of a signed or unsigned integer type.
  ///
  /// Errors: `malformed` when the file has no such tensor or an element exceeds `Int64.max`,
  /// `unsupported` for another type.
  public func integers(of name: String) throws(FileError) -> [Int64] {
    let entry = try existingEntry(name)
    return try Array(count: entry.elementCount) { (elements) throws(FileError) in
      try withBytes(of: name) { (bytes) throws(FileError) in
        switch entry.type {
        case .int8: elements.fill(from: bytes, as: Int8.self) { Int64($0) }
        case .int16: elements.fill(from: bytes, as: Int16.self) { Int64($0) }
        case .int32: elements.fill(from: bytes, as: Int32.self) { Int64($0) }
        case .int64: elements.fill(from: bytes, as: Int64.self) { $0 }
        case .uint8: elements.fill(from: bytes, as: UInt8.self) { Int64($0) }
        case .uint16: elements.fill(from: bytes, as: UInt16.self) { Int64($0) }
        case .uint32: elements.fill(from: bytes, as: UInt32.self) { Int64($0) }
        case .uint64:
          elements.fill(from: bytes, as: UInt64.self) { Int64(bitPattern: $0) }
          guard elements.allSatisfy({ $0 >= 0 }) else {
            throw FileError(
              .malformed, path: path, place: "tensor \"\(name)\"",
              reason: "it has an element beyond \(Int64.max)")
          }
        default: throw failure(entry, "its type \(entry.type.rawValue) is not an integer type")
        }
      }
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
    FileError(.unsupported, path: path, place: "tensor \"\(entry.name)\"", reason: reason)
  }
}

extension UnsafeMutableBufferPointer where Element: BitwiseCopyable {
  /// Writes every element as `convert` of the little-endian number at its place in `bytes`.
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
  /// An array of `count` elements that `body` writes, all of them.
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
