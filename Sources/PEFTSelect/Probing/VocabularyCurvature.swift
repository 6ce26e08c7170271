import PEFTTensor

/// The curvature of the cross entropy of tokens of a vocabulary, from sampled labels.
///
/// With N tokens in a batch of B examples, the loss is (1/N) Σ_t ℓ_t, so in the mean over examples,
/// example i contributes (B/N) Σ_{t∈i} ℓ_t. The pass from the true labels gives Σ_{t∈i}
/// (p_t − y_t)ᵀ Δz_tk, its slope. A pass from labels ŷ_t sampled from p_t gives the score Σ_{t∈i}
/// (p_t − e_ŷt)ᵀ Δz_tk. The scores of different tokens are uncorrelated given the text, so the
/// square of their sum has the expectation Σ_{t∈i} Δz_tᵀ (diag p_t − p_t p_tᵀ) Δz_t. The mean over
/// S samples is unbiased; its spread is part of the spread over examples, and so of the standard
/// error.
struct VocabularyCurvature: OutputCurvature {
  private let map: VocabularyMap
  private let labels: [[Int32]]
  private let smoothing: Double
  private let exampleCount: Int
  private let tokenCount: Int

  /// Samples `samples` labels for every token, S ≥ 1.
  init(
    outputs: Variable, on tape: Tape, map: VocabularyMap, labels: [Int32], exampleCount: Int,
    labelSmoothing: Double, samples: Int, generator: SeededGenerator
  ) {
    self.map = map
    self.exampleCount = exampleCount
    tokenCount = labels.count
    smoothing = labelSmoothing
    self.labels =
      [labels]
      + tape.draw(max(1, samples), from: outputs, map, using: generator)
  }

  var walkCount: Int { labels.count }

  var factorCount: Int { labels.count - 1 }

  /// Runs pass `index`. Label smoothing applies only to the true labels.
  func pullBack(
    _ index: Int, from outputs: Variable, on tape: Tape, to sink: some GradientSink,
    consuming: Bool
  ) {
    let loss = tape.crossEntropy(
      outputs, map, labels: labels[index], labelSmoothing: index == 0 ? smoothing : 0)
    tape.pullBack(
      Tensor(repeating: Float(tokenCount), shape: [1]), from: loss.variable, to: sink,
      consuming: consuming)
  }

  /// B / N.
  private var weight: Double { Double(exampleCount) / Double(max(1, tokenCount)) }

  func slope(_ tangents: OutputTangents, example: Int, group: Int) -> Double {
    weight * tangents[0, example, group]
  }

  func factor(_ index: Int, _ tangents: OutputTangents, example: Int, group: Int) -> Double {
    (weight / Double(factorCount)).squareRoot() * tangents[index + 1, example, group]
  }
}
