import Foundation
import PEFTNetwork
import PEFTTensor

/// Builds the graph of an encoder with its head.
///
/// - Shapes: input_ids, attention_mask and, in families with token types, token_type_ids [B, S];
///   logits [B, C] for texts, [B, S, C] for tokens; sentence_embedding [B, h] of length 1 for
///   pairs. B and S vary. Tokens with the mask 0 are padding, on the right.
struct EncoderGraph {
  private(set) var graph = ONNXGraph()
  private let encoder: Encoder
  private let configuration: EncoderConfiguration
  private let ids: String
  private let mask: String

  /// The graph of `encoder` with `head`, whose adapters must have been merged; nil if the head is
  /// not one of texts, tokens or pairs.
  init?(_ encoder: Encoder, head: any ModelHead) {
    self.encoder = encoder
    configuration = encoder.configuration
    let size = ["batch_size", "sequence_length"]
    ids = graph.input("input_ids", .int64, size)
    mask = graph.input("attention_mask", .int64, size)
    var x = embeddings()
    let bias = scoreBias()
    for layer in encoder.layers { x = output(of: layer, x, bias: bias) }
    switch head {
    case let head as ClassificationHead: finish(x, by: head)
    case let head as TokenClassificationHead:
      _ = linear(x, head.output, named: "logits")
      graph.output("logits", size + ["\(head.output.weight.shape.rows)"])
    case let head as PairHead:
      let pooled = pool(x, head.pooling)
      let length = graph.node(
        "ReduceL2", [pooled], [("axes", .integers([-1])), ("keepdims", .integer(1))])
      let bounded = graph.node("Max", [length, graph.scalar(1e-12)])
      _ = graph.node("Div", [pooled, bounded], named: "sentence_embedding")
      graph.output("sentence_embedding", ["batch_size", "\(configuration.hiddenSize)"])
    default: return nil
    }
  }

  // MARK: - Embeddings

  private mutating func embeddings() -> String {
    var x = graph.node("Gather", [table(encoder.tables.words), ids])
    x = graph.node("Add", [x, positions()])
    if let types = encoder.tables.tokenTypes {
      if configuration.tokenTypeCount > 1 {
        let input = graph.input("token_type_ids", .int64, ["batch_size", "sequence_length"])
        x = graph.node("Add", [x, graph.node("Gather", [table(types), input])])
      } else {
        // The only row of the table belongs to every token.
        x = graph.node("Add", [x, table(types)])
      }
    }
    x = norm(x, encoder.embeddingNorm)
    return encoder.projection.map { linear(x, $0) } ?? x
  }

  /// The rows of the position table: 0, 1, … [S, E], or counted from the padding token [B, S, E].
  private mutating func positions() -> String {
    let positions = table(encoder.tables.positions)
    guard configuration.form.countsFromPadding else {
      return graph.node(
        "Slice", [positions, graph.integers([0]), length(keepingAxis: true), graph.integers([0])])
    }
    let padding = graph.integer(configuration.paddingID)
    let isPadding = graph.node("Equal", [ids, padding])
    let counted = graph.node(
      "Cast", [graph.node("Not", [isPadding])],
      [("to", .integer(ONNXGraph.ElementType.int64.rawValue))])
    let number = graph.node("CumSum", [counted, graph.integer(1)])
    let rows = graph.node("Add", [graph.node("Mul", [number, counted]), padding])
    return graph.node("Gather", [positions, rows])
  }

  /// S, as a list of one number or as a number.
  private mutating func length(keepingAxis: Bool) -> String {
    let shape = graph.node("Shape", [ids])
    return graph.node("Gather", [shape, keepingAxis ? graph.integers([1]) : graph.integer(1)])
  }

  // MARK: - Layers

  /// What is added to the scores of all layers: a number below all others for padding
  /// [B, 1, 1, S], and MPNet's biases by distance [1, H, S, S].
  private mutating func scoreBias() -> String {
    let rows = graph.node("Unsqueeze", [mask, graph.integers([1, 2])])
    let numbers = graph.node(
      "Cast", [rows], [("to", .integer(ONNXGraph.ElementType.float.rawValue))])
    let hidden = graph.node("Sub", [graph.scalar(1), numbers])
    let masked = graph.node("Mul", [hidden, graph.scalar(-.greatestFiniteMagnitude)])
    guard let biases = encoder.positionBiases else { return masked }
    // One row for each distance j − i from −(P − 1) to P − 1, so that no bucket is computed.
    let last = configuration.maximumLength - 1
    let byDistance = graph.constant(
      biases.name + ".by_distance", shape: [2 * last + 1, configuration.headCount]
    ) { biases.value.rows(at: (-last...last).map(RelativePositions.bucket)) }
    let steps = graph.node(
      "Range", [graph.integer(0), length(keepingAxis: false), graph.integer(1)])
    let distances = graph.node(
      "Sub",
      [
        graph.node("Unsqueeze", [steps, graph.integers([0])]),
        graph.node("Unsqueeze", [steps, graph.integers([1])]),
      ])
    let rowsOfPairs = graph.node("Add", [distances, graph.integer(last)])
    let found = graph.node("Gather", [byDistance, rowsOfPairs])
    let heads = graph.node("Transpose", [found], [("perm", .integers([2, 0, 1]))])
    return graph.node(
      "Add", [masked, graph.node("Unsqueeze", [heads, graph.integers([0])])])
  }

  private mutating func output(of layer: EncoderLayer, _ x: String, bias: String) -> String {
    let heads = configuration.headCount
    let width = configuration.hiddenSize / heads
    func split(_ value: String, _ order: [Int], _ graph: inout ONNXGraph) -> String {
      let parts = graph.node("Reshape", [value, graph.integers([0, 0, heads, width])])
      return graph.node("Transpose", [parts], [("perm", .integers(order))])
    }
    let queries = split(linear(x, layer.query), [0, 2, 1, 3], &graph)
    let keys = split(linear(x, layer.key), [0, 2, 3, 1], &graph)
    let values = split(linear(x, layer.value), [0, 2, 1, 3], &graph)
    let scaled = graph.node(
      "Mul", [queries, graph.scalar(Float(1 / Double(width).squareRoot()))])
    let scores = graph.node("Add", [graph.node("MatMul", [scaled, keys]), bias])
    let weights = graph.node("Softmax", [scores], [("axis", .integer(-1))])
    let context = graph.node(
      "Transpose", [graph.node("MatMul", [weights, values])], [("perm", .integers([0, 2, 1, 3]))])
    let joined = graph.node(
      "Reshape", [context, graph.integers([0, 0, configuration.hiddenSize])])
    let attended = norm(
      graph.node("Add", [linear(joined, layer.attentionOutput), x]), layer.attentionNorm)
    let inner = activated(linear(attended, layer.intermediate), configuration.activation)
    return norm(graph.node("Add", [linear(inner, layer.output), attended]), layer.outputNorm)
  }

  // MARK: - Heads

  private mutating func finish(_ x: String, by head: ClassificationHead) {
    var y = pool(x, head.pooling)
    switch head.before {
    case .nothing: break
    case .pooler(let map): y = activated(linear(y, map), .tanh)
    case .hidden(let map, let activation, _): y = activated(linear(y, map), activation)
    }
    _ = linear(y, head.output, named: "logits")
    graph.output("logits", ["batch_size", "\(head.output.weight.shape.rows)"])
  }

  /// One row for each text: [B, S, h] → [B, h].
  private mutating func pool(_ x: String, _ pooling: Pooling) -> String {
    switch pooling {
    case .first: return graph.node("Gather", [x, graph.integer(0)], [("axis", .integer(1))])
    case .last, .mean:
      var weights = mask
      if pooling == .last {
        let length = graph.node("ReduceSum", [mask, graph.integers([1])])
        let last = graph.node("Sub", [length, graph.integer(1)])
        let steps = graph.node(
          "Range", [graph.integer(0), self.length(keepingAxis: false), graph.integer(1)])
        weights = graph.node(
          "Cast", [graph.node("Equal", [steps, last])],
          [("to", .integer(ONNXGraph.ElementType.int64.rawValue))])
      }
      let column = graph.node(
        "Cast", [graph.node("Unsqueeze", [weights, graph.integers([2])])],
        [("to", .integer(ONNXGraph.ElementType.float.rawValue))])
      let axes = graph.integers([1])
      let sum = graph.node(
        "ReduceSum", [graph.node("Mul", [x, column]), axes], [("keepdims", .integer(0))])
      let count = graph.node("ReduceSum", [column, axes], [("keepdims", .integer(0))])
      return graph.node("Div", [sum, count])
    }
  }

  // MARK: - Parts

  private mutating func table(_ parameter: Parameter) -> String {
    graph.constant(parameter.name, shape: parameter.shape.extents) { parameter.value }
  }

  private mutating func linear(
    _ x: String, _ layer: LinearLayer, named name: String? = nil
  ) -> String {
    let weight = layer.weight
    let shape = [weight.shape.columns, weight.shape.rows]
    let product = graph.node(
      "MatMul", [x, graph.constant(weight.name, shape: shape) { weight.value.transposed }],
      named: layer.bias == nil ? name : nil)
    return layer.bias.map { graph.node("Add", [product, table($0)], named: name) } ?? product
  }

  private mutating func norm(_ x: String, _ layer: NormalizationLayer) -> String {
    let parameters = layer.parameters.map { table($0) }
    return graph.node(
      "LayerNormalization", [x] + parameters,
      [("axis", .integer(-1)), ("epsilon", .float(Float(layer.epsilon)))])
  }

  private mutating func activated(_ x: String, _ activation: Activation) -> String {
    switch activation {
    case .tanh: return graph.node("Tanh", [x])
    case .relu: return graph.node("Relu", [x])
    case .silu: return graph.node("Mul", [x, graph.node("Sigmoid", [x])])
    case .gelu:
      let scaled = graph.node("Mul", [x, graph.scalar(Float(0.5.squareRoot()))])
      return gate(x, graph.node("Erf", [scaled]))
    case .geluTanh:
      let cube = graph.node("Mul", [graph.node("Mul", [x, x]), x])
      let inner = graph.node(
        "Add", [x, graph.node("Mul", [cube, graph.scalar(0.044715)])])
      let scaled = graph.node("Mul", [inner, graph.scalar(Float((2 / Double.pi).squareRoot()))])
      return gate(x, graph.node("Tanh", [scaled]))
    }
  }

  /// ½ x (1 + t).
  private mutating func gate(_ x: String, _ t: String) -> String {
    let half = graph.node("Mul", [x, graph.scalar(0.5)])
    return graph.node("Mul", [half, graph.node("Add", [t, graph.scalar(1)])])
  }
}

extension TransformerModel {
  /// Writes the model as a graph of ONNX (operator set 17) to `path`, with all weights, as
  /// `EncoderGraph` describes. Adapters must have been merged.
  ///
  /// Errors: `unsupported` for decoders, for ModernBERT, for masked language models and for more
  /// than 2 GiB; those of `AtomicFile.write`.
  public func writeONNX(to path: String) throws(FileError) {
    guard let encoder = backbone as? Encoder else {
      throw FileError(
        .unsupported, path: path,
        reason: "models of the family \(configuration.architectureName) cannot be written as ONNX",
        remedy: "export it merged, and convert that directory with other tools")
    }
    guard let built = EncoderGraph(encoder, head: head) else {
      throw FileError(
        .unsupported, path: path, reason: "a masked language model cannot be written as ONNX",
        remedy: "export it merged")
    }
    try built.graph.write(
      to: path, name: configuration.architectureName, producer: ("peft", packageVersion))
  }
}
