import PEFTNetwork
import PEFTTensor

/// RoBERTa or BERT without a head: embeddings and transformer layers.
final class Encoder: Backbone {
  /// The configuration of the model.
  let configuration: EncoderConfiguration
  /// The word, position and token-type tables.
  let tables: (words: Parameter, positions: Parameter, tokenTypes: Parameter)
  /// The norm after the embeddings.
  let embeddingNorm: NormalizationLayer
  /// The transformer layers, lowest first.
  let layers: [EncoderLayer]

  /// Creates an encoder whose maps are all zero. Names have the family's prefix, as in
  /// transformers' classifiers.
  init(configuration: EncoderConfiguration) {
    self.configuration = configuration
    let prefix = configuration.family.rawValue
    let hidden = configuration.hiddenSize
    func table(_ name: String, _ rows: Int) -> Parameter {
      Parameter(
        name: "\(prefix).embeddings.\(name).weight", value: Tensor(zeros: [rows, hidden]),
        isTable: true)
    }
    tables = (
      table("word_embeddings", configuration.vocabularySize),
      table("position_embeddings", configuration.positionCount),
      table("token_type_embeddings", configuration.tokenTypeCount)
    )
    embeddingNorm = NormalizationLayer(
      name: "\(prefix).embeddings.LayerNorm", width: hidden, epsilon: configuration.epsilon)
    layers = (0..<configuration.layerCount).map {
      EncoderLayer(name: "\(prefix).encoder.layer.\($0)", configuration: configuration)
    }
  }

  /// The linear maps, lowest first.
  var linearLayers: [LinearLayer] { layers.flatMap(\.linearLayers) }

  /// The norms, lowest first.
  var normalizationLayers: [NormalizationLayer] {
    [embeddingNorm] + layers.flatMap(\.normalizationLayers)
  }

  var wordTable: Parameter { tables.words }

  var sections: [ParameterSection] {
    let family = configuration.family.rawValue
    var embeddings = ParameterSection(
      place: "embeddings", prefix: "\(family).embeddings.", stage: 0)
    embeddings.add([tables.words, tables.positions, tables.tokenTypes], .embedding)
    embeddings.add(embeddingNorm.parameters, .norm)
    return [embeddings]
      + layers.enumerated().map { number, layer in
        var section = ParameterSection(
          place: "layer.\(number)", prefix: "\(family).encoder.layer.\(number).",
          stage: number + 1, layer: number)
        for linear in layer.linearLayers {
          let isAttention = linear !== layer.intermediate && linear !== layer.output
          section.add(linear, isAttention ? .attention : .feedForward)
          if linear === layer.attentionOutput { section.add(layer.attentionNorm.parameters, .norm) }
        }
        section.add(layer.outputNorm.parameters, .norm)
        return section
      }
  }

  func finish(_ x: Variable, on tape: Tape) -> Variable { x }

  func embed(_ batch: PackedBatch, on tape: Tape) -> Variable {
    let embedded = tape.embeddingSum(
      [
        (tables.words, batch.ids), (tables.positions, configuration.positionRows(of: batch)),
        (tables.tokenTypes, batch.typeIDs),
      ], partition: batch.partition)
    return tape.dropout(
      embeddingNorm(embedded, on: tape), probability: configuration.hiddenDropout)
  }
}
