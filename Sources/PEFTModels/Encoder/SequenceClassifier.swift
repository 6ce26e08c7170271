import PEFTTensor

/// An encoder with a head: one or more logits for each text or pair of texts.
public final class SequenceClassifier {
  /// The model below the head.
  public let encoder: Encoder
  /// The head.
  public let head: ClassificationHead

  /// A model of zero maps; load or draw its weights before use.
  public init(configuration: EncoderConfiguration, pooling: Pooling, outputCount: Int) {
    encoder = Encoder(configuration: configuration)
    head = ClassificationHead(
      configuration: configuration, pooling: pooling, outputCount: outputCount)
  }

  /// What the model is.
  public var configuration: EncoderConfiguration { encoder.configuration }

  /// Logits [B, C].
  public func logits(_ batch: PackedBatch, on tape: Tape) -> Variable {
    head(encoder(batch, on: tape), on: tape)
  }

  /// The number of stages of the computation: the embeddings, the layers, the head.
  public var stageCount: Int { encoder.layers.count + 2 }

  /// The output of one stage from that of the stage before it; the first takes the batch alone, the
  /// last returns logits [B, C].
  public func stage(
    _ index: Int, _ input: Variable?, of batch: PackedBatch, on tape: Tape
  ) -> Variable {
    guard let input else {
      precondition(index == 0, "stage: \(index) without the output of the stage before it")
      return encoder.embed(batch, on: tape)
    }
    return index <= encoder.layers.count
      ? encoder.layers[index - 1](input, on: tape) : head(input, on: tape)
  }

  /// The linear maps of the backbone, lowest first; adapters may attach to them.
  public var backboneLinearLayers: [LinearLayer] {
    encoder.linearLayers + (head.pooler.map { [$0] } ?? [])
  }

  /// The sum of the sizes of all parameters.
  public var parameterCount: Int { parameters.reduce(0) { $0 + $1.parameter.count } }
}
