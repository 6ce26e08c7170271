/// One tensor to be written by `SafetensorsWriter`.
public struct SafetensorsOutput {
  /// A function that receives consecutive pieces of a tensor's bytes.
  public typealias ByteSink = (UnsafeRawBufferPointer) throws(FileError) -> Void

  /// The name of the tensor.
  public let name: String
  /// The type of the elements in the file.
  public let type: SafetensorsElementType
  /// The extents, row-major; empty for a scalar.
  public let shape: [Int]
  let byteCount: Int
  let emit: (ByteSink) throws(FileError) -> Void

  /// Creates a tensor whose bytes `emit` passes to its argument when the file is written.
  ///
  /// The bytes are little-endian and row-major, in one or more pieces, and exactly as many as
  /// `shape` and `type` require.
  public init(
    name: String, type: SafetensorsElementType, shape: [Int],
    emit: @escaping (ByteSink) throws(FileError) -> Void
  ) {
    precondition(
      shape.allSatisfy { $0 >= 0 }, "SafetensorsOutput: \(name) has the shape \(shape)")
    guard let bitCount = type.bitCount(shape: shape), bitCount % 8 == 0 else {
      preconditionFailure("SafetensorsOutput: \(name) has the shape \(shape) of \(type.rawValue)")
    }
    self.name = name
    self.type = type
    self.shape = shape
    byteCount = bitCount / 8
    self.emit = emit
  }

  /// Creates a tensor of floating-point numbers, written as F32, F16 or BF16 (rounded to nearest
  /// even).
  ///
  /// `withElements` calls its argument once with all elements, row-major, when the file is written.
  public init(
    name: String, shape: [Int], as type: SafetensorsElementType = .float32,
    withElements:
      @escaping (
        (UnsafeBufferPointer<Float>) throws(FileError) -> Void
      ) throws(FileError) -> Void
  ) {
    precondition(
      [.float32, .float16, .bfloat16].contains(type),
      "SafetensorsOutput: \(name) cannot be written as \(type.rawValue)")
    self.init(name: name, type: type, shape: shape) { (sink) throws(FileError) in
      try withElements { (elements) throws(FileError) in
        switch type {
        case .float16: try Self.narrow(elements, with: HalfPrecision.half, sink)
        case .bfloat16: try Self.narrow(elements, with: HalfPrecision.bfloat, sink)
        default: try sink(UnsafeRawBufferPointer(elements))
        }
      }
    }
  }

  /// Creates a tensor of `elements`, row-major, written as F32, F16 or BF16 (rounded to nearest
  /// even).
  public init(
    name: String, shape: [Int], floats elements: [Float], as type: SafetensorsElementType = .float32
  ) {
    self.init(name: name, shape: shape, as: type) { (body) throws(FileError) in
      try elements.withPointer(body)
    }
  }

  /// Creates a tensor of `elements`, row-major, written as I64.
  public init(name: String, shape: [Int], integers elements: [Int64]) {
    self.init(name: name, type: .int64, shape: shape) { (sink) throws(FileError) in
      try elements.withPointer { (elements) throws(FileError) in
        try sink(UnsafeRawBufferPointer(elements))
      }
    }
  }

  private static func narrow(
    _ elements: UnsafeBufferPointer<Float>, with convert: (Float) -> UInt16, _ sink: ByteSink
  ) throws(FileError) {
    let pieceCount = 1 << 15
    for start in stride(from: 0, to: elements.count, by: pieceCount) {
      let piece = elements[start..<min(start + pieceCount, elements.count)].map(convert)
      try piece.withPointer { (piece) throws(FileError) in
        try sink(UnsafeRawBufferPointer(piece))
      }
    }
  }
}

/// Writes safetensors files.
public enum SafetensorsWriter {
  /// Creates or replaces the file at `path` with `tensors`, in their order.
  ///
  /// The bytes of the tensors are requested one tensor at a time, so only one tensor needs to be in
  /// memory. The header is padded with spaces to a multiple of 8 bytes; equal arguments give equal
  /// files. Names must not be empty, repeated or equal to `__metadata__`. Transformers expects
  /// `["format": "pt"]` in the metadata.
  ///
  /// Errors: those of `AtomicFile.write` and of the tensors; on error the old file is left
  /// untouched.
  public static func write(
    _ tensors: [SafetensorsOutput], metadata: [String: String] = [:], to path: String
  ) throws(FileError) {
    let header = header(of: tensors, metadata: metadata)
    try AtomicFile.write(to: path) { (file) throws(FileError) in
      try file.append(header)
      for tensor in tensors {
        var written = 0
        try tensor.emit { (bytes) throws(FileError) in
          written += bytes.count
          try file.append(bytes)
        }
        precondition(
          written == tensor.byteCount,
          "SafetensorsWriter: \(tensor.name) of shape \(tensor.shape) gave \(written) bytes")
      }
    }
  }

  /// The length of the header and the header itself, as written at the beginning of the file.
  private static func header(
    of tensors: [SafetensorsOutput], metadata: [String: String]
  ) -> [UInt8] {
    var members = JSONObject()
    if !metadata.isEmpty {
      var text = JSONObject()
      for key in metadata.keys.sorted() { text[key] = metadata[key].map { .string($0) } }
      members[SafetensorsHeader.metadataKey] = .object(text)
    }
    var offset = 0
    for tensor in tensors {
      precondition(
        !tensor.name.isEmpty && tensor.name != SafetensorsHeader.metadataKey
          && members[tensor.name] == nil,
        "SafetensorsWriter: the name \"\(tensor.name)\" is empty, reserved or stands twice")
      let end = offset + tensor.byteCount
      members[tensor.name] = .object([
        "dtype": .string(tensor.type.rawValue),
        "shape": .array(tensor.shape.map { .integer($0) }),
        "data_offsets": .array([.integer(offset), .integer(end)]),
      ])
      offset = end
    }
    var text = Array(JSONValue.object(members).text().utf8)
    text += repeatElement(UInt8(ascii: " "), count: (8 - text.count % 8) % 8)
    precondition(
      text.count <= SafetensorsHeader.maximumByteCount,
      "SafetensorsWriter: a header of \(text.count) bytes is too large")
    return (0..<8).map { UInt8(truncatingIfNeeded: text.count >> (8 * $0)) } + text
  }
}
