import Foundation
import PEFTTensor

/// A reading of protocol buffers: the fields of a message in order.
struct ProtobufReading {
  enum Value {
    case number(UInt64)
    case bytes(ArraySlice<UInt8>)
  }

  private(set) var fields: [(number: Int, value: Value)] = []

  init(_ bytes: ArraySlice<UInt8>) {
    var rest = bytes
    func varint() -> UInt64 {
      var (value, shift): (UInt64, UInt64) = (0, 0)
      while let byte = rest.popFirst() {
        value |= UInt64(byte & 0x7F) << shift
        shift += 7
        if byte < 0x80 { break }
      }
      return value
    }
    while !rest.isEmpty {
      let key = varint()
      switch key & 7 {
      case 0: fields.append((Int(key >> 3), .number(varint())))
      case 5:
        let bits = rest.prefix(4).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        rest = rest.dropFirst(4)
        fields.append((Int(key >> 3), .number(bits)))
      default:
        let length = Int(varint())
        fields.append((Int(key >> 3), .bytes(rest.prefix(length))))
        rest = rest.dropFirst(length)
      }
    }
  }

  func messages(_ number: Int) -> [ProtobufReading] {
    contents(number).map { ProtobufReading($0) }
  }

  func contents(_ number: Int) -> [ArraySlice<UInt8>] {
    fields.compactMap { field in
      if field.number == number, case .bytes(let bytes) = field.value { bytes } else { nil }
    }
  }

  func texts(_ number: Int) -> [String] {
    contents(number).map { String(decoding: $0, as: UTF8.self) }
  }

  func numbers(_ number: Int) -> [UInt64] {
    fields.compactMap { field in
      if field.number == number, case .number(let value) = field.value { value } else { nil }
    }
  }

  func integers(_ number: Int) -> [Int] { numbers(number).map { Int(truncatingIfNeeded: $0) } }
}

/// Computes the graphs that `writeONNX` writes, operator by operator with loops in Double, after
/// the specification of ONNX alone.
struct ONNXEvaluator {
  /// A tensor of any type as numbers.
  struct Value: Equatable {
    var shape: [Int]
    var elements: [Double]

    /// The number of elements of each step along each axis.
    var strides: [Int] {
      var strides = [Int](repeating: 1, count: shape.count)
      for axis in shape.indices.dropLast().reversed() {
        strides[axis] = strides[axis + 1] * shape[axis + 1]
      }
      return strides
    }
  }

  private var constants: [String: Value] = [:]
  private let nodes: [ProtobufReading]
  /// The names of inputs and outputs.
  let (inputs, outputs): ([String], [String])

  init(path: String) throws {
    let model = ProtobufReading(try FileContents.read(path)[...])
    let graph = model.messages(7)[0]
    nodes = graph.messages(1)
    inputs = graph.messages(11).map { $0.texts(1)[0] }
    outputs = graph.messages(12).map { $0.texts(1)[0] }
    for tensor in graph.messages(5) {
      let raw = Array(tensor.contents(9)[0])
      let elements: [Double] =
        tensor.integers(2)[0] == 1
        ? raw.withUnsafeBytes { $0.bindMemory(to: Float.self).map(Double.init) }
        : raw.withUnsafeBytes { $0.bindMemory(to: Int64.self).map(Double.init) }
      constants[tensor.texts(8)[0]] = Value(shape: tensor.integers(1), elements: elements)
    }
  }

  /// The value called `output`, for these inputs.
  func callAsFunction(_ given: [String: Value], _ output: String) -> Value? {
    var values = constants.merging(given) { $1 }
    for node in nodes {
      let inputs = node.texts(1).compactMap { values[$0] }
      precondition(inputs.count == node.texts(1).count, "\(node.texts(3)): an input is missing")
      var attributes: [String: [Double]] = [:]
      for attribute in node.messages(5) {
        let floats = attribute.numbers(2).map { Double(Float(bitPattern: UInt32($0))) }
        attributes[attribute.texts(1)[0]] =
          floats + (attribute.integers(3) + attribute.integers(8)).map(Double.init)
      }
      values[node.texts(2)[0]] = Self.apply(node.texts(4)[0], inputs, attributes)
    }
    return values[output]
  }

  private static func apply(
    _ type: String, _ x: [Value], _ attributes: [String: [Double]]
  ) -> Value {
    func axis(_ usual: Int = 0) -> Int {
      let axis = Int(attributes["axis"]?.first ?? Double(usual))
      return axis < 0 ? axis + x[0].shape.count : axis
    }
    switch type {
    case "Add": return broadcast(x[0], x[1], +)
    case "Sub": return broadcast(x[0], x[1], -)
    case "Mul": return broadcast(x[0], x[1], *)
    case "Div": return broadcast(x[0], x[1], /)
    case "Max": return broadcast(x[0], x[1], max)
    case "Equal": return broadcast(x[0], x[1]) { $0 == $1 ? 1 : 0 }
    case "Not": return map(x[0]) { 1 - $0 }
    case "Cast": return x[0]
    case "Erf": return map(x[0], erf)
    case "Tanh": return map(x[0], tanh)
    case "Relu": return map(x[0]) { max(0, $0) }
    case "Sigmoid": return map(x[0]) { 1 / (1 + exp(-$0)) }
    case "Shape": return Value(shape: [x[0].shape.count], elements: x[0].shape.map(Double.init))
    case "Range":
      let numbers = stride(from: x[0].elements[0], to: x[1].elements[0], by: x[2].elements[0])
      return Value(shape: [Array(numbers).count], elements: Array(numbers))
    case "Slice":  // by rows from 0
      let width = x[0].elements.count / x[0].shape[0]
      let count = Int(x[2].elements[0])
      return Value(
        shape: [count] + x[0].shape.dropFirst(), elements: Array(x[0].elements[..<(count * width)]))
    case "Unsqueeze":
      var shape = x[0].shape
      for axis in x[1].elements.map({ Int($0) }).sorted() { shape.insert(1, at: axis) }
      return Value(shape: shape, elements: x[0].elements)
    case "Reshape":
      let shape = x[1].elements.enumerated().map { $1 == 0 ? x[0].shape[$0] : Int($1) }
      return Value(shape: shape, elements: x[0].elements)
    case "Transpose": return transpose(x[0], (attributes["perm"] ?? []).map { Int($0) })
    case "Gather": return gather(x[0], x[1], axis: axis())
    case "CumSum":
      return alongLast(x[0]) { row in
        var sum = 0.0
        return row.map {
          sum += $0
          return sum
        }
      }
    case "Softmax":
      return alongLast(x[0]) { row in
        let largest = row.max() ?? 0
        let powers = row.map { exp($0 - largest) }
        let sum = powers.reduce(0, +)
        return powers.map { $0 / sum }
      }
    case "LayerNormalization":
      let epsilon = attributes["epsilon"]?.first ?? 1e-5
      return alongLast(x[0]) { row in
        let mean = row.reduce(0, +) / Double(row.count)
        let variance = row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(row.count)
        return row.indices.map {
          (row[$0] - mean) / (variance + epsilon).squareRoot() * x[1].elements[$0]
            + x[2].elements[$0]
        }
      }
    case "ReduceSum": return reduce(x[0], Int(x[1].elements[0]), attributes) { $0 + $1 }
    case "ReduceL2":
      let squares = reduce(
        map(x[0]) { $0 * $0 }, x[0].shape.count - 1, attributes
      ) { $0 + $1 }
      return map(squares) { $0.squareRoot() }
    case "MatMul": return product(x[0], x[1])
    default: preconditionFailure("ONNXEvaluator: \(type)")
    }
  }

  private static func map(_ x: Value, _ body: (Double) -> Double) -> Value {
    Value(shape: x.shape, elements: x.elements.map(body))
  }

  private static func alongLast(_ x: Value, _ body: ([Double]) -> [Double]) -> Value {
    let width = x.shape[x.shape.count - 1]
    return Value(
      shape: x.shape,
      elements: stride(from: 0, to: x.elements.count, by: width).flatMap {
        body(Array(x.elements[$0..<$0 + width]))
      })
  }

  /// All index tuples of a shape, row-major.
  private static func indices(_ shape: [Int]) -> [[Int]] {
    shape.reduce([[]]) { tuples, extent in
      tuples.flatMap { tuple in (0..<extent).map { tuple + [$0] } }
    }
  }

  private static func broadcast(
    _ x: Value, _ y: Value, _ body: (Double, Double) -> Double
  ) -> Value {
    let rank = max(x.shape.count, y.shape.count)
    func padded(_ shape: [Int]) -> [Int] {
      Array(repeating: 1, count: rank - shape.count) + shape
    }
    let (a, b) = (padded(x.shape), padded(y.shape))
    let shape = zip(a, b).map { max($0, $1) }
    let (left, right) = (
      Value(shape: a, elements: []).strides, Value(shape: b, elements: []).strides
    )
    return Value(
      shape: shape,
      elements: indices(shape).map { tuple in
        var (i, j) = (0, 0)
        for (axis, index) in tuple.enumerated() {
          if a[axis] > 1 { i += index * left[axis] }
          if b[axis] > 1 { j += index * right[axis] }
        }
        return body(x.elements[i], y.elements[j])
      })
  }

  private static func transpose(_ x: Value, _ order: [Int]) -> Value {
    let (shape, strides) = (order.map { x.shape[$0] }, x.strides)
    return Value(
      shape: shape,
      elements: indices(shape).map { tuple in
        x.elements[zip(tuple, order).reduce(0) { $0 + $1.0 * strides[$1.1] }]
      })
  }

  private static func gather(_ x: Value, _ rows: Value, axis: Int) -> Value {
    let outer = x.shape[..<axis].reduce(1, *)
    let inner = x.shape[(axis + 1)...].reduce(1, *)
    var elements: [Double] = []
    for block in 0..<outer {
      for row in rows.elements {
        let start = (block * x.shape[axis] + Int(row)) * inner
        elements += x.elements[start..<start + inner]
      }
    }
    return Value(
      shape: Array(x.shape[..<axis]) + rows.shape + x.shape[(axis + 1)...], elements: elements)
  }

  private static func reduce(
    _ x: Value, _ axis: Int, _ attributes: [String: [Double]], _ body: (Double, Double) -> Double
  ) -> Value {
    var shape = x.shape
    shape[axis] = 1
    let strides = Value(shape: shape, elements: []).strides
    var sums = [Double](repeating: 0, count: shape.reduce(1, *))
    for (place, tuple) in indices(x.shape).enumerated() {
      let target = tuple.enumerated().reduce(0) {
        $1.offset == axis ? $0 : $0 + $1.element * strides[$1.offset]
      }
      sums[target] = body(sums[target], x.elements[place])
    }
    if attributes["keepdims"] == [0] { shape.remove(at: axis) }
    return Value(shape: shape, elements: sums)
  }

  /// Products of matrices, with the same leading axes or those of the first factor alone.
  private static func product(_ x: Value, _ y: Value) -> Value {
    let (rows, inner) = (x.shape[x.shape.count - 2], x.shape[x.shape.count - 1])
    let columns = y.shape[y.shape.count - 1]
    let blocks = x.shape.dropLast(2).reduce(1, *)
    var elements: [Double] = []
    for block in 0..<blocks {
      let other = y.shape.count > 2 ? block * inner * columns : 0
      for row in 0..<rows {
        for column in 0..<columns {
          var sum = 0.0
          for place in 0..<inner {
            sum +=
              x.elements[(block * rows + row) * inner + place]
              * y.elements[other + place * columns + column]
          }
          elements.append(sum)
        }
      }
    }
    return Value(shape: x.shape.dropLast() + [columns], elements: elements)
  }
}
