import PEFTModels
import PEFTTensor

/// The models that are timed: published shapes, random weights.
public enum ModelShape: String, CaseIterable {
  /// RoBERTa-base: 12 layers of 768.
  case base
  /// A BERT of 6 layers of 384, as MiniLM-L6.
  case minilm
  /// MPNet-base: 12 layers of 768, with a relative position bias.
  case mpnet
  /// GPT-2 small: 12 layers of 768, a language model.
  case gpt2
  /// SmolLM2-135M: a Llama of 30 layers of 576, a language model.
  case smollm2

  /// Whether the model's output is its vocabulary.
  public var isLanguage: Bool { self == .gpt2 || self == .smollm2 }

  /// A model of the shape with random weights, a classifier of two classes or a language model.
  public func model() -> TransformerModel {
    let model: TransformerModel =
      switch self {
      case .base:
        Self.encoder(.roberta, vocabulary: 50265, hidden: 768, layers: 12, positions: 514, types: 1)
      case .minilm:
        Self.encoder(.bert, vocabulary: 30522, hidden: 384, layers: 6, positions: 512, types: 2)
      case .mpnet:
        Self.encoder(.mpnet, vocabulary: 30527, hidden: 768, layers: 12, positions: 514, types: 0)
      case .smollm2:
        TransformerModel(
          configuration: .llama(
            LlamaConfiguration(
              vocabularySize: 49152, hiddenSize: 576, layerCount: 30, headCount: 9,
              keyValueHeadCount: 3, intermediateSize: 1536, positionCount: 8192, tiesOutput: true)),
          output: .vocabulary)
      case .gpt2:
        TransformerModel(
          configuration: .gpt2(
            GPT2Configuration(
              vocabularySize: 50257, hiddenSize: 768, layerCount: 12, headCount: 12,
              positionCount: 1024)), output: .vocabulary)
      }
    model.initializeWeights(using: SeededGenerator(seed: 1, purpose: "weights"))
    return model
  }

  private static func encoder(
    _ family: EncoderConfiguration.Family, vocabulary: Int, hidden: Int, layers: Int,
    positions: Int, types: Int
  ) -> TransformerModel {
    TransformerModel(
      configuration: .encoder(
        EncoderConfiguration(
          family: family, vocabularySize: vocabulary, hiddenSize: hidden,
          layerCount: layers, headCount: 12, intermediateSize: 4 * hidden,
          positionCount: positions, tokenTypeCount: types, epsilon: 1e-5, activation: .gelu,
          hiddenDropout: 0.1, attentionDropout: 0.1, classifierDropout: nil,
          paddingID: family == .bert ? 0 : 1, initializerRange: 0.02, labelNames: nil)),
      output: .classes(2, pooling: .first))
  }
}

/// `count` sequences of `length` random tokens that every shape has.
public func randomSequences(_ count: Int, length: Int) -> [[Int32]] {
  var tokens = SeededGenerator(seed: 2, purpose: "tokens")
  return (0..<count).map { _ in
    (0..<length).map { _ in Int32.random(in: 5..<30000, using: &tokens) }
  }
}
