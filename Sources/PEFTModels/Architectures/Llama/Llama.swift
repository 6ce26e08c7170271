import PEFTNetwork
import PEFTTensor

/// A Llama model without an output: embeddings, layers and the last norm.
final class Llama: DecodingBackbone {
  let wordTable: Parameter
  let layers: [LlamaLayer]
  /// The norm after the last layer.
  let lastNorm: NormalizationLayer

  static let prefix = "model."

  /// Creates a model whose maps are all zero. Names are those of transformers' models with an
  /// output.
  init(configuration: LlamaConfiguration) {
    let hidden = configuration.hiddenSize
    let positions = RotaryPositions(
      inverseFrequencies: configuration.inverseFrequencies, limit: configuration.positionCount)
    wordTable = Parameter(
      name: Self.prefix + "embed_tokens.weight",
      value: Tensor(zeros: [configuration.vocabularySize, hidden]), isTable: true)
    layers = (0..<configuration.layerCount).map {
      LlamaLayer(
        name: "\(Self.prefix)layers.\($0)", configuration: configuration, positions: positions)
    }
    lastNorm = NormalizationLayer(
      rootMeanSquare: Self.prefix + "norm", width: hidden, epsilon: configuration.epsilon)
  }

  var linearLayers: [LinearLayer] { layers.flatMap(\.linearLayers) }

  var normalizationLayers: [NormalizationLayer] {
    layers.flatMap(\.normalizationLayers) + [lastNorm]
  }

  var sections: [ParameterSection] {
    var embeddings = ParameterSection(place: "embeddings", prefix: Self.prefix, stage: 0)
    embeddings.add([wordTable], .embedding)
    let middle = layers.enumerated().map { number, layer in
      var section = ParameterSection(
        place: "layer.\(number)", prefix: "\(Self.prefix)layers.\(number).", stage: number + 1,
        layer: number)
      section.add(layer.attentionNorm.parameters, .norm)
      for linear in [layer.query, layer.key, layer.value] { section.add(linear, .attention) }
      for norm in [layer.queryNorm, layer.keyNorm].compactMap(\.self) {
        section.add(norm.parameters, .norm)
      }
      section.add(layer.attentionOutput, .attention)
      section.add(layer.innerNorm.parameters, .norm)
      for linear in [layer.gate, layer.intermediate, layer.output] {
        section.add(linear, .feedForward)
      }
      return section
    }
    var end = ParameterSection(place: "end", prefix: Self.prefix, stage: layers.count + 1)
    end.add(lastNorm.parameters, .norm)
    return [embeddings] + middle + [end]
  }

  func embed(
    _ tokens: [Int32], at positions: [Int32], of partition: RowPartition, on tape: Tape
  ) -> Variable {
    tape.embeddingSum([(wordTable, tokens)], partition: partition)
  }

  func finish(_ x: Variable, on tape: Tape) -> Variable { lastNorm(x, on: tape) }
}

extension LlamaConfiguration {
  /// The inverse frequencies of the rotary positions, scaled if they are [D/2].
  fileprivate var inverseFrequencies: [Float] {
    let plain = RotaryTable.inverseFrequencies(theta: theta, headWidth: headWidth)
    return scaling.map { plain.map($0.scaled) } ?? plain
  }
}
