import Foundation
import PEFTTensor

/// A choice of one among K by the Gumbel-softmax (Jang et al. 2017, Maddison et al. 2017), which is
/// hard where the model computes and soft where it is differentiated.
///
///     p = softmax((a + n) / τ),  n_k = −ln(−ln u_k),  u_k uniform on (0, 1)
///
/// for logits a [K] and a temperature τ. The choice is that of the largest p_k. Its gradient is
/// straight through: that of the loss with respect to the one-hot choice is taken as that with
/// respect to p.
package struct GumbelChoice {
  /// p [K].
  package let probabilities: [Double]
  /// The index that is chosen; the first of equals.
  package let index: Int
  private let temperature: Double

  /// Chooses by the logits a [K] and the noise n [K], at a positive temperature.
  package init(logits: [Double], noise: [Double], temperature: Double) {
    precondition(
      logits.count == noise.count && !logits.isEmpty && temperature > 0,
      "GumbelChoice: \(logits.count) logits, \(noise.count) numbers of noise")
    probabilities = Self.softmax(zip(logits, noise).map { ($0 + $1) / temperature })
    index = probabilities.indices.reduce(0) { [p = probabilities] best, next in
      p[next] > p[best] ? next : best
    }
    self.temperature = temperature
  }

  /// ∂L/∂a_k = p_k (g_k − Σ_j p_j g_j) / τ, where g [K] is the gradient with respect to the choice.
  package func logitGradient(of gradient: [Double]) -> [Double] {
    let mean = zip(probabilities, gradient).reduce(0) { $0 + $1.0 * $1.1 }
    return zip(probabilities, gradient).map { $0 * ($1 - mean) / temperature }
  }

  /// softmax(a) [K].
  package static func softmax(_ logits: [Double]) -> [Double] {
    let largest = logits.max() ?? 0
    let terms = logits.map { exp($0 - largest) }
    let sum = terms.reduce(0, +)
    return terms.map { $0 / sum }
  }

  /// `count` numbers n_k.
  static func noise(_ count: Int, from generator: inout SeededGenerator) -> [Double] {
    (0..<count).map { _ in -log(-log(max(generator.uniform(), 0x1p-54))) }
  }
}
