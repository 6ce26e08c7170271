import PEFTTensor

/// RoBERTa or BERT without a head: embeddings and transformer layers.
public final class Encoder {
  /// What the model is.
  public let configuration: EncoderConfiguration
  /// Word, position and token-type tables.
  public let tables: (words: Parameter, positions: Parameter, tokenTypes: Parameter)
  /// The norm after the embeddings.
  public let embeddingNorm: NormalizationLayer
  /// The transformer layers, lowest first.
  public let layers: [EncoderLayer]

  /// An encoder of zero maps. Names carry the family's prefix, as in transformers' classifiers.
  public init(configuration: EncoderConfiguration) {
    self.configuration = configuration
    let prefix = configuration.architecture.rawValue
    let hidden = configuration.hiddenSize
    func table(_ name: String, _ rows: Int) -> Parameter {
      Parameter(
        name: "\(prefix).embeddings.\(name).weight", value: Tensor(zeros: [rows, hidden]))
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
  public var linearLayers: [LinearLayer] { layers.flatMap(\.linearLayers) }

  /// The norms, lowest first.
  public var normalizationLayers: [NormalizationLayer] {
    [embeddingNorm] + layers.flatMap(\.normalizationLayers)
  }

  /// The tables.
  public var embeddings: [Parameter] { [tables.words, tables.positions, tables.tokenTypes] }

  /// The last layer's output, [T, hidden].
  ///
  /// The batch must fit: tokens inside the vocabulary, sequences no longer than
  /// `configuration.maximumLength`.
  public func callAsFunction(_ batch: PackedBatch, on tape: Tape) -> Variable {
    layers.reduce(embed(batch, on: tape)) { $1($0, on: tape) }
  }

  /// The input of the first layer, [T, hidden].
  func embed(_ batch: PackedBatch, on tape: Tape) -> Variable {
    let partition = batch.partition
    let positions = (0..<partition.exampleCount).flatMap { example in
      partition[example].indices.map { Int32($0 - partition[example].lowerBound) }
    }
    let offset = Int32(configuration.positionOffset)
    let embedded = tape.embeddingSum(
      [
        (tables.words, batch.ids), (tables.positions, positions.map { $0 + offset }),
        (tables.tokenTypes, batch.typeIDs),
      ], partition: partition)
    return tape.dropout(
      embeddingNorm(embedded, on: tape), probability: configuration.hiddenDropout)
  }
}
