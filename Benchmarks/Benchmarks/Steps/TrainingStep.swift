import BenchmarkModels
import PEFTModels
import PEFTNetwork
import PEFTTensor

/// A training step on random tokens.
final class TrainingStep {
  private let model: TransformerModel
  private let batch: PackedBatch
  private let gradients = GradientAccumulator()
  private var optimizer: AdamW

  struct UnknownMethod: Error { let name: String }

  init(method name: String) throws {
    model = ModelShape.minilm.model()
    guard let method = MethodCatalogue.standard.method(named: name) else {
      throw UnknownMethod(name: name)
    }
    method.attach(to: model, using: SeededGenerator(seed: 1, purpose: "adapters"))
    optimizer = AdamW(parameters: model.trainableParameters)
    batch = PackedBatch(sequences: randomSequences(32, length: 64))
  }

  func take() {
    gradients.reset()
    let tape = Tape()
    let loss = model.loss(batch, .classes((0..<32).map { $0 % 2 }), on: tape)
    tape.pullBack(Tensor(repeating: 1, shape: [1]), from: loss.variable, to: gradients)
    optimizer.step(gradients: gradients, learningRate: 1e-4, gradientScale: 1)
  }
}
