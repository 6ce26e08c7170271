/// Adam with an L2 penalty, in PyTorch's order of operations, for the logits of a search.
///
///     g ← g + λ a;  m ← β₁ m + (1 − β₁) g;  v ← β₂ v + (1 − β₂) g²
///     a ← a − η m̂ / (√v̂ + ε),  m̂ = m / (1 − β₁ᵗ),  v̂ = v / (1 − β₂ᵗ)
///
/// with η = 0.01, β₁ = 0.5, β₂ = 0.999, λ = 1e-4 and ε = 1e-8. `AdamW`, which decouples the decay,
/// is for the parameters of models.
package struct ArchitectureOptimizer {
  private static let (rate, decay, epsilon) = (0.01, 1e-4, 1e-8)
  private static let (beta1, beta2) = (0.5, 0.999)

  private var means: [[Double]]
  private var meanSquares: [[Double]]
  /// β₁ᵗ and β₂ᵗ.
  private var powers = (1.0, 1.0)

  /// An optimizer of rows of logits, of these numbers.
  package init(counts: [Int]) {
    means = counts.map { Array(repeating: 0, count: $0) }
    meanSquares = means
  }

  /// Takes one step. Rows without a gradient stay as they are, with their averages.
  package mutating func step(_ logits: inout [[Double]], gradients: [[Double]?]) {
    powers = (powers.0 * Self.beta1, powers.1 * Self.beta2)
    for (row, gradient) in gradients.enumerated() {
      guard let gradient else { continue }
      for index in gradient.indices {
        let g = gradient[index] + Self.decay * logits[row][index]
        means[row][index] = Self.beta1 * means[row][index] + (1 - Self.beta1) * g
        meanSquares[row][index] =
          Self.beta2 * meanSquares[row][index] + (1 - Self.beta2) * g * g
        let mean = means[row][index] / (1 - powers.0)
        let meanSquare = meanSquares[row][index] / (1 - powers.1)
        logits[row][index] -= Self.rate * mean / (meanSquare.squareRoot() + Self.epsilon)
      }
    }
  }
}
