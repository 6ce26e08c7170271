import PEFTModels
import PEFTSelect
import PEFTTensor

/// A training step on random tokens.
final class TrainingStep {
  private let model: TransformerModel
  private let batch: PackedBatch
  private let gradients = GradientAccumulator()
  private var optimizer: AdamW

  struct UnknownMethod: Error { let name: String }

  init(method name: String) throws {
    let configuration = EncoderConfiguration(
      architecture: .bert, vocabularySize: 30522, hiddenSize: 384, layerCount: 6, headCount: 12,
      intermediateSize: 1536, positionCount: 512, tokenTypeCount: 2, epsilon: 1e-12,
      activation: .gelu, hiddenDropout: 0.1, attentionDropout: 0.1, classifierDropout: nil,
      paddingID: 0, initializerRange: 0.02, labelNames: nil)
    model = TransformerModel(
      configuration: .encoder(configuration), output: .classes(2, pooling: .first))
    let generator = SeededGenerator(seed: 1, purpose: "weights")
    model.initializeWeights(using: generator)
    guard let method = AdaptationMethods.method(named: name) else {
      throw UnknownMethod(name: name)
    }
    method.attach(to: model, using: generator)
    optimizer = AdamW(parameters: model.trainableParameters)
    var tokens = SeededGenerator(seed: 2, purpose: "tokens")
    batch = PackedBatch(
      sequences: (0..<32).map { _ in
        (0..<64).map { _ in Int32.random(in: 5..<30000, using: &tokens) }
      })
  }

  func take() {
    gradients.reset()
    let tape = Tape()
    let loss = model.loss(batch, .classes((0..<32).map { $0 % 2 }), on: tape)
    tape.pullBack(Tensor(repeating: 1, shape: [1]), from: loss.variable, to: gradients)
    optimizer.step(gradients: gradients, learningRate: 1e-4, gradientScale: 1)
  }
}
