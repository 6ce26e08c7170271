import PEFTNetwork
import PEFTTensor

/// GPT-2 without an output: embeddings, layers and the last norm.
final class GPT2: DecodingBackbone {
  let configuration: GPT2Configuration
  /// The word table, which is also the output layer of a language model.
  let wordTable: Parameter
  /// The position table.
  let positionTable: Parameter
  /// The transformer layers, lowest first.
  let layers: [GPT2Layer]
  /// The norm after the last layer.
  let lastNorm: NormalizationLayer

  static let prefix = "transformer."

  /// Creates a model whose maps are all zero. Names are those of transformers' models with an
  /// output.
  init(configuration: GPT2Configuration) {
    self.configuration = configuration
    let hidden = configuration.hiddenSize
    func table(_ name: String, _ rows: Int) -> Parameter {
      Parameter(
        name: "\(Self.prefix)\(name).weight", value: Tensor(zeros: [rows, hidden]), isTable: true)
    }
    wordTable = table("wte", configuration.vocabularySize)
    positionTable = table("wpe", configuration.positionCount)
    layers = (0..<configuration.layerCount).map {
      GPT2Layer(name: "\(Self.prefix)h.\($0)", configuration: configuration)
    }
    lastNorm = NormalizationLayer(
      name: Self.prefix + "ln_f", width: hidden, epsilon: configuration.epsilon)
  }

  var linearLayers: [LinearLayer] { layers.flatMap(\.linearLayers) }

  var normalizationLayers: [NormalizationLayer] {
    layers.flatMap(\.normalizationLayers) + [lastNorm]
  }

  var sections: [ParameterSection] {
    var embeddings = ParameterSection(place: "embeddings", prefix: Self.prefix, stage: 0)
    embeddings.add([wordTable, positionTable], .embedding)
    let middle = layers.enumerated().map { number, layer in
      var section = ParameterSection(
        place: "layer.\(number)", prefix: "\(Self.prefix)h.\(number).", stage: number + 1,
        layer: number)
      section.add(layer.attentionNorm.parameters, .norm)
      section.add(layer.attention, .attention)
      section.add(layer.attentionOutput, .attention)
      section.add(layer.innerNorm.parameters, .norm)
      section.add(layer.intermediate, .feedForward)
      section.add(layer.output, .feedForward)
      return section
    }
    var end = ParameterSection(place: "end", prefix: Self.prefix, stage: layers.count + 1)
    end.add(lastNorm.parameters, .norm)
    return [embeddings] + middle + [end]
  }

  func embed(
    _ tokens: [Int32], at positions: [Int32], of partition: RowPartition, on tape: Tape
  ) -> Variable {
    tape.dropout(
      tape.embeddingSum(
        [(wordTable, tokens), (positionTable, positions)], partition: partition),
      probability: configuration.embeddingDropout)
  }

  func finish(_ x: Variable, on tape: Tape) -> Variable { lastNorm(x, on: tape) }
}
