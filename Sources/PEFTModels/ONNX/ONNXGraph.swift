import PEFTRuntime
import PEFTTensor

/// A computation as a graph of ONNX operators (operator set 17), to be written as a file.
///
/// Values have names; a node adds one value and returns its name. The field numbers are those of
/// `onnx.proto3`.
struct ONNXGraph {
  /// An attribute of a node.
  enum Attribute {
    case integer(Int)
    case integers([Int])
    case float(Float)
  }

  /// The type of the elements of an input or output, as ONNX numbers it.
  enum ElementType: Int {
    case float = 1
    case int64 = 7
  }

  /// A constant tensor.
  private struct Constant {
    let name: String
    let shape: [Int]
    let type: ElementType
    let byteCount: Int
    let emit: (SafetensorsOutput.ByteSink) throws(FileError) -> Void
  }

  private var nodes: [ProtobufWriter] = []
  private var constants: [Constant] = []
  private var names: Set<String> = []
  private var ends: [(field: Int, message: ProtobufWriter)] = []

  /// Adds an operator with these inputs and returns the name of its output.
  mutating func node(
    _ type: String, _ inputs: [String], _ attributes: [(name: String, value: Attribute)] = [],
    named name: String? = nil
  ) -> String {
    let output = name ?? "\(type)_\(nodes.count)"
    var node = ProtobufWriter()
    for input in inputs { node.add(1, input) }
    node.add(2, output)
    node.add(3, output)
    node.add(4, type)
    for (name, value) in attributes {
      var attribute = ProtobufWriter()
      attribute.add(1, name)
      switch value {
      case .float(let number):
        attribute.add(2, number)
        attribute.add(20, 1)
      case .integer(let number):
        attribute.add(3, number)
        attribute.add(20, 2)
      case .integers(let numbers):
        for number in numbers { attribute.add(8, number) }
        attribute.add(20, 7)
      }
      node.add(5, attribute)
    }
    nodes.append(node)
    return output
  }

  /// Adds a constant once and returns `name`.
  mutating func constant(
    _ name: String, shape: [Int], floats: @escaping () -> Tensor
  ) -> String {
    guard names.insert(name).inserted else { return name }
    constants.append(
      Constant(name: name, shape: shape, type: .float, byteCount: 4 * shape.reduce(1, *)) {
        (sink) throws(FileError) in
        try floats().withUnsafeElements { (elements) throws(FileError) in
          try sink(UnsafeRawBufferPointer(elements))
        }
      })
    return name
  }

  /// A constant number.
  mutating func scalar(_ value: Float) -> String {
    constant("number_\(value)", shape: []) { Tensor([value], shape: [1]) }
  }

  /// A constant list of integers.
  mutating func integers(_ values: [Int]) -> String {
    integers(values, shape: [values.count])
  }

  /// A constant integer without dimensions.
  mutating func integer(_ value: Int) -> String { integers([value], shape: []) }

  private mutating func integers(_ values: [Int], shape: [Int]) -> String {
    let name =
      (shape.isEmpty ? "integer_" : "integers_") + values.map(String.init).joined(separator: "_")
    guard names.insert(name).inserted else { return name }
    constants.append(
      Constant(name: name, shape: shape, type: .int64, byteCount: 8 * values.count) {
        (sink) throws(FileError) in
        try values.map(Int64.init).withPointer { (elements) throws(FileError) in
          try sink(UnsafeRawBufferPointer(elements))
        }
      })
    return name
  }

  /// Declares an input.
  mutating func input(_ name: String, _ type: ElementType, _ dimensions: [String]) -> String {
    ends.append((11, Self.description(of: name, type, dimensions)))
    return name
  }

  /// Declares an output, a value that a node has this name for; a dimension is a number, or the
  /// name of a size that varies.
  mutating func output(_ name: String, _ dimensions: [String]) {
    ends.append((12, Self.description(of: name, .float, dimensions)))
  }

  private static func description(
    of name: String, _ type: ElementType, _ dimensions: [String]
  ) -> ProtobufWriter {
    var (shape, tensor, kind, value) = (
      ProtobufWriter(), ProtobufWriter(), ProtobufWriter(), ProtobufWriter()
    )
    for name in dimensions {
      var dimension = ProtobufWriter()
      if let size = Int(name) { dimension.add(1, size) } else { dimension.add(2, name) }
      shape.add(1, dimension)
    }
    tensor.add(1, type.rawValue)
    tensor.add(2, shape)
    kind.add(1, tensor)
    value.add(1, name)
    value.add(2, kind)
    return value
  }

  /// The largest file, in bytes, that protocol buffers allow.
  private static let limit = 1 << 31

  /// Writes the graph as a model to `path`, replacing a file there. The tensors are requested one
  /// at a time.
  ///
  /// Errors: `unsupported` for more than 2 GiB; those of `AtomicFile.write`.
  func write(to path: String, name: String, producer: (name: String, version: String))
    throws(FileError)
  {
    let headers = constants.map { constant in
      var header = ProtobufWriter()
      for extent in constant.shape { header.add(1, extent) }
      header.add(2, constant.type.rawValue)
      header.add(8, constant.name)
      header.begin(9, length: constant.byteCount)
      return header
    }
    var graph = ProtobufWriter()
    for node in nodes { graph.add(1, node) }
    graph.add(2, name)
    for (field, message) in ends { graph.add(field, message) }
    let begins = zip(constants, headers).map { constant, header in
      var begin = ProtobufWriter()
      begin.begin(5, length: header.bytes.count + constant.byteCount)
      return begin
    }
    var length = graph.bytes.count
    for (constant, (begin, header)) in zip(constants, zip(begins, headers)) {
      length += begin.bytes.count + header.bytes.count + constant.byteCount
    }
    var model = ProtobufWriter()
    model.add(1, 8)
    model.add(2, producer.name)
    model.add(3, producer.version)
    var operators = ProtobufWriter()
    operators.add(1, "")
    operators.add(2, 17)
    model.add(8, operators)
    model.begin(7, length: length)
    guard model.bytes.count + length < Self.limit else {
      throw FileError(
        .unsupported, path: path,
        reason: "the model takes \(length >> 20) MiB, and a file of ONNX at most 2048",
        remedy: "export it merged")
    }
    try AtomicFile.write(to: path) { (file) throws(FileError) in
      try file.append(model.bytes)
      try file.append(graph.bytes)
      for (constant, (begin, header)) in zip(constants, zip(begins, headers)) {
        try file.append(begin.bytes + header.bytes)
        var written = 0
        try constant.emit { (bytes) throws(FileError) in
          written += bytes.count
          try file.append(bytes)
        }
        precondition(
          written == constant.byteCount,
          "ONNXGraph: \(constant.name) of shape \(constant.shape) gave \(written) bytes")
      }
    }
  }
}
