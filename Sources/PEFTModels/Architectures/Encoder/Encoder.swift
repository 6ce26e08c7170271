import PEFTNetwork
import PEFTTensor

/// BERT, RoBERTa or a relative of theirs without a head: embeddings and transformer layers.
final class Encoder: Backbone {
  /// The configuration of the model.
  let configuration: EncoderConfiguration
  /// The word, position and token-type tables. Some families have no token types.
  let tables: (words: Parameter, positions: Parameter, tokenTypes: Parameter?)
  /// The norm after the embeddings.
  let embeddingNorm: NormalizationLayer
  /// The map [h, E] after that norm; nil if there is none, and the tables are as wide as the
  /// residual stream, E = h.
  let projection: LinearLayer?
  /// MPNet's table of position biases [32, H], which all layers share; nil in other families.
  let positionBiases: Parameter?
  /// The layers with parameters of their own, lowest first.
  let distinctLayers: [EncoderLayer]
  /// The transformer layers, lowest first. In ALBERT, adjacent ones are the same.
  let layers: [EncoderLayer]

  /// Creates an encoder whose maps are all zero. Names have the family's prefix, as in
  /// transformers' classifiers.
  init(configuration: EncoderConfiguration) {
    self.configuration = configuration
    let form = configuration.form
    let prefix = form.prefix
    let (width, hidden) = (configuration.embeddingSize, configuration.hiddenSize)
    func table(_ name: String, _ rows: Int) -> Parameter {
      Parameter(
        name: "\(prefix)embeddings.\(name).weight", value: Tensor(zeros: [rows, width]),
        isTable: true)
    }
    tables = (
      table("word_embeddings", configuration.vocabularySize),
      table("position_embeddings", configuration.positionCount),
      form.hasTokenTypes
        ? table("token_type_embeddings", configuration.tokenTypeCount) : nil
    )
    embeddingNorm = NormalizationLayer(
      name: "\(prefix)embeddings.LayerNorm", width: width, epsilon: configuration.epsilon)
    projection =
      configuration.projectsEmbeddings
      ? LinearLayer(name: prefix + form.projection.name, inputs: width, outputs: hidden) : nil
    let biases =
      form.hasRelativePositions
      ? Parameter(
        name: "\(prefix)encoder.relative_attention_bias.weight",
        value: Tensor(zeros: [RelativePositions.bucketCount, configuration.headCount])) : nil
    positionBiases = biases
    let distinct = (0..<configuration.distinctLayerCount).map { number in
      EncoderLayer(
        name: "\(prefix)\(form.encoder).\(form.layerPath(number))", configuration: configuration,
        positionBias: biases.map { RelativePositionBias($0, row: RelativePositions.bucket) })
    }
    distinctLayers = distinct
    layers = (0..<configuration.layerCount).map {
      distinct[$0 * distinct.count / configuration.layerCount]
    }
  }

  /// The linear maps, lowest first.
  var linearLayers: [LinearLayer] {
    (projection.map { [$0] } ?? []) + distinctLayers.flatMap(\.linearLayers)
  }

  /// The norms, lowest first.
  var normalizationLayers: [NormalizationLayer] {
    [embeddingNorm] + distinctLayers.flatMap(\.normalizationLayers)
  }

  var wordTable: Parameter { tables.words }

  var sections: [ParameterSection] {
    let (prefix, encoder) = (configuration.form.prefix, configuration.form.encoder)
    var embeddings = ParameterSection(
      place: "embeddings", prefix: "\(prefix)embeddings.", stage: 0)
    embeddings.add(
      [tables.words, tables.positions, tables.tokenTypes].compactMap(\.self), .embedding)
    embeddings.add(embeddingNorm.parameters, .norm)
    var above = ParameterSection(place: "embeddings", prefix: prefix, stage: 0)
    if let projection { above.add(projection, .feedForward) }
    var shared = ParameterSection(place: "encoder", prefix: "\(prefix)\(encoder).", stage: 1)
    if let positionBiases { shared.add([positionBiases], .embedding) }
    return [embeddings, above, shared]
      + distinctLayers.enumerated().map { number, layer in
        var section = ParameterSection(
          place: "layer.\(number)",
          prefix: "\(prefix)\(encoder).\(configuration.form.layerPath(number)).",
          stage: 1 + (layers.firstIndex { $0 === layer } ?? 0), layer: number)
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
    var lookups = [
      (tables.words, batch.ids), (tables.positions, configuration.positionRows(of: batch)),
    ]
    if let types = tables.tokenTypes { lookups.append((types, batch.typeIDs)) }
    let embedded = tape.embeddingSum(lookups, partition: batch.partition)
    let normed = tape.dropout(
      embeddingNorm(embedded, on: tape), probability: configuration.hiddenDropout)
    return projection?(normed, on: tape) ?? normed
  }
}
