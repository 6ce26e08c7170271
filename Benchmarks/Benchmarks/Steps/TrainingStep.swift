import BenchmarkModels
import PEFTModels
import PEFTNetwork
import PEFTTensor

/// A training step of a MiniLM on random tokens.
final class TrainingStep {
  private let batch: PackedBatch
  private let targets = Targets.classes((0..<32).map { $0 % 2 })
  private var step: MethodStep

  struct UnknownMethod: Error { let name: String }

  /// - Parameters:
  ///   - name: the name of a method, perhaps followed by settings such as `share=0.002`.
  ///   - updates: whether the optimizer takes a step.
  init(_ name: String, updates: Bool = true) throws {
    let words = name.split(separator: " ")
    guard let first = words.first,
      var method = MethodCatalogue.standard.method(named: String(first))
    else { throw UnknownMethod(name: name) }
    for word in words.dropFirst() {
      let parts = word.split(separator: "=", maxSplits: 1)
      guard parts.count == 2 else { throw UnknownMethod(name: name) }
      try method.set(String(parts[0]), text: String(parts[1]))
    }
    step = try MethodStep(ModelShape.minilm.model(), method: method, steps: 1000)
    step.updates = updates
    batch = PackedBatch(sequences: randomSequences(32, length: 64))
  }

  func take() throws { try step.take(batch, targets) }
}
