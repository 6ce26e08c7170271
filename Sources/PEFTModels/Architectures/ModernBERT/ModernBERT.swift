import PEFTNetwork
import PEFTTensor

/// A ModernBERT without a head: embeddings, layers and the last norm.
final class ModernBERT: Backbone {
  let wordTable: Parameter
  /// The norm after the embeddings.
  let embeddingNorm: NormalizationLayer
  let layers: [ModernBERTLayer]
  /// The norm after the last layer.
  let lastNorm: NormalizationLayer
  private let configuration: ModernBERTConfiguration

  static let prefix = "model."

  /// Creates a model whose maps are all zero. Names are those of transformers' models with a head.
  init(configuration: ModernBERTConfiguration) {
    self.configuration = configuration
    let headWidth = configuration.hiddenSize / configuration.headCount
    func positions(_ theta: Double) -> RotaryPositions {
      RotaryPositions(
        inverseFrequencies: RotaryTable.inverseFrequencies(theta: theta, headWidth: headWidth),
        limit: configuration.positionCount)
    }
    let (near, far) = (positions(configuration.localTheta), positions(configuration.globalTheta))
    wordTable = Parameter(
      name: Self.prefix + "embeddings.tok_embeddings.weight",
      value: Tensor(zeros: [configuration.vocabularySize, configuration.hiddenSize]),
      isTable: true)
    embeddingNorm = configuration.norm(Self.prefix + "embeddings.norm")
    layers = configuration.isLocal.enumerated().map { number, isLocal in
      ModernBERTLayer(
        name: "\(Self.prefix)layers.\(number)", configuration: configuration, isFirst: number == 0,
        window: isLocal ? configuration.window : nil, positions: isLocal ? near : far)
    }
    lastNorm = configuration.norm(Self.prefix + "final_norm")
  }

  var linearLayers: [LinearLayer] { layers.flatMap(\.linearLayers) }

  var normalizationLayers: [NormalizationLayer] {
    [embeddingNorm] + layers.flatMap(\.normalizationLayers) + [lastNorm]
  }

  var sections: [ParameterSection] {
    var embeddings = ParameterSection(
      place: "embeddings", prefix: Self.prefix + "embeddings.", stage: 0)
    embeddings.add([wordTable], .embedding)
    embeddings.add(embeddingNorm.parameters, .norm)
    let middle = layers.enumerated().map { number, layer in
      var section = ParameterSection(
        place: "layer.\(number)", prefix: "\(Self.prefix)layers.\(number).", stage: number + 1,
        layer: number)
      if let norm = layer.attentionNorm { section.add(norm.parameters, .norm) }
      section.add(layer.queriesKeysValues, .attention)
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

  func embed(_ batch: PackedBatch, on tape: Tape) -> Variable {
    let words = tape.embeddingSum([(wordTable, batch.ids)], partition: batch.partition)
    return tape.dropout(
      embeddingNorm(words, on: tape), probability: configuration.embeddingDropout)
  }

  func finish(_ x: Variable, on tape: Tape) -> Variable { lastNorm(x, on: tape) }
}

extension ModernBERTConfiguration {
  /// A layer norm of the residual stream, at the path `name`.
  func norm(_ name: String) -> NormalizationLayer {
    hasNormShift
      ? NormalizationLayer(name: name, width: hiddenSize, epsilon: epsilon)
      : NormalizationLayer(unshifted: name, width: hiddenSize, epsilon: epsilon)
  }
}
