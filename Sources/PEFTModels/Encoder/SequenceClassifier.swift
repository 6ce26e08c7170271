import PEFTSelect
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

  /// The linear maps of the backbone, lowest first; adapters may attach to them.
  public var backboneLinearLayers: [LinearLayer] {
    encoder.linearLayers + (head.pooler.map { [$0] } ?? [])
  }

  /// Every parameter once, in the order of computation, with its kind.
  public var parameters: [(parameter: Parameter, kind: ParameterKind)] {
    var all: [(Parameter, ParameterKind)] = encoder.embeddings.map { ($0, .embedding) }
    all += encoder.embeddingNorm.parameters.map { ($0, .norm) }
    for layer in encoder.layers {
      for linear in layer.linearLayers {
        let isAttention = linear !== layer.intermediate && linear !== layer.output
        all += Self.parameters(of: linear, weightKind: isAttention ? .attention : .feedForward)
        if linear === layer.attentionOutput {
          all += layer.attentionNorm.parameters.map { ($0, .norm) }
        }
      }
      all += layer.outputNorm.parameters.map { ($0, .norm) }
    }
    if let pooler = head.pooler { all += Self.parameters(of: pooler, weightKind: .feedForward) }
    for linear in head.taskLayers {
      all += linear.parameters.map { ($0, .head) }
    }
    return all
  }

  /// The parameters that train now, in order.
  public var trainableParameters: [Parameter] {
    parameters.map(\.parameter).filter(\.isTrainable)
  }

  /// The sum of the sizes of all parameters.
  public var parameterCount: Int { parameters.reduce(0) { $0 + $1.parameter.count } }

  private static func parameters(
    of linear: LinearLayer, weightKind: ParameterKind
  ) -> [(Parameter, ParameterKind)] {
    [(linear.weight, weightKind), (linear.bias, .bias)]
      + (linear.lowRank.map { [($0.down, .adapter), ($0.up, .adapter)] } ?? [])
  }
}
