/// One tensor to be written by `SafetensorsWriter`.
public struct SafetensorsOutput {
  /// Takes consecutive pieces of a tensor's bytes.
  public typealias ByteSink = (UnsafeRawBufferPointer) throws(FileError) -> Void

  /// The name of the tensor.
  public let name: String
  /// The type of its elements in the file.
  public let type: SafetensorsElementType
  /// Its extents, row-major; empty for a scalar.
  public let shape: [Int]
  let byteCount: Int
  let emit: (ByteSink) throws(FileError) -> Void

  /// A tensor whose bytes `emit` hands to its argument when the file is written: little-endian,
  /// row-major, in one or more pieces, exactly as many as `shape` and `type` ask for.
  public init(
    name: String, type: SafetensorsElementType, shape: [Int],
    emit: @escaping (ByteSink) throws(FileError) -> Void
  ) {
    precondition(
      shape.allSatisfy { $0 >= 0 }, "SafetensorsOutput: \(name) has the shape \(shape)")
    guard let byteCount = type.byteCount(shape: shape) else {
      preconditionFailure("SafetensorsOutput: the shape \(shape) of \(name) overflows")
    }
    self.name = name
    self.type = type
    self.shape = shape
    self.byteCount = byteCount
    self.emit = emit
  }

  /// A tensor of floating-point numbers, written as F32, F16 or BF16 (rounded to nearest even).
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

  /// A tensor of `elements`, row-major, written as F32, F16 or BF16 (rounded to nearest even).
  public init(
    name: String, shape: [Int], floats elements: [Float], as type: SafetensorsElementType = .float32
  ) {
    self.init(name: name, shape: shape, as: type) { (body) throws(FileError) in
      try elements.withPointer(body)
    }
  }

  /// A tensor of `elements`, row-major, written as I64.
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

/// Writing safetensors files.
public enum SafetensorsWriter {
  /// Replaces or creates the file at `path`, which then holds `tensors` in their order.
  ///
  /// The tensors are asked for their bytes one after the other, so no more than one need be in
  /// memory. The header is padded with spaces to a multiple of 8 bytes; equal arguments give equal
  /// files. No name may be empty, stand twice or be `__metadata__`. Transformers wants
  /// `["format": "pt"]` among the metadata.
  ///
  /// Errors: those of `AtomicFile.write` and of the tensors; the old file is then untouched.
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

  /// The length of the header and the header, as they stand at the beginning of the file.
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
