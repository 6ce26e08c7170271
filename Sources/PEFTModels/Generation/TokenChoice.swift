import Foundation
import PEFTTensor

/// Chooses the next token from logits.
package enum TokenChoice {
  /// The index of the largest logit, the first among equals.
  package static func largest(_ logits: [Float]) -> Int {
    var best = 0
    for index in logits.indices.dropFirst() where logits[index] > logits[best] { best = index }
    return best
  }

  /// The logarithm of the softmax, in Double.
  package static func logProbabilities(_ logits: [Float]) -> [Double] {
    let largest = logits.reduce(-Double.infinity) { max($0, Double($1)) }
    let sum = logits.reduce(0) { $0 + exp(Double($1) - largest) }
    let logSum = largest + log(sum)
    return logits.map { Double($0) - logSum }
  }

  /// The tokens that would complete an n-gram that `text` already contains.
  package static func blocked(_ n: Int, after text: [Int32]) -> Set<Int32> {
    guard n > 0, text.count >= n else { return [] }
    let last = text.suffix(n - 1)
    var blocked: Set<Int32> = []
    for start in 0...(text.count - n) where text[start..<start + n - 1].elementsEqual(last) {
      blocked.insert(text[start + n - 1])
    }
    return blocked
  }

  /// The probabilities for sampling, with filters in transformers' order: temperature, the `topK`
  /// largest, then the smallest set of most likely tokens whose probability is at least `topP`.
  /// Ties at the k-th place are kept.
  package static func probabilities(
    _ logits: [Float], temperature: Double, topK: Int?, topP: Double?
  ) -> [Double] {
    // Subtracting the largest logit makes any temperature safe, however small.
    let largest = logits.reduce(-Double.infinity) { max($0, Double($1)) }
    var scores = logits.map { (Double($0) - largest) / temperature }
    if let topK, topK < scores.count {
      let threshold = scores.sorted(by: >)[topK - 1]
      for index in scores.indices where scores[index] < threshold { scores[index] = -.infinity }
    }
    var probabilities = softmax(scores)
    if let topP, topP < 1 {
      let order = scores.indices.sorted { (scores[$0], $1) < (scores[$1], $0) }
      var sum = 0.0
      for index in order.dropLast() {
        sum += probabilities[index]
        if sum > 1 - topP { break }
        scores[index] = -.infinity
      }
      probabilities = softmax(scores)
    }
    return probabilities
  }

  /// Samples an index with these probabilities.
  package static func draw(_ probabilities: [Double], using generator: inout SeededGenerator) -> Int
  {
    var rest = generator.uniform()
    var last = 0
    for (index, probability) in probabilities.enumerated() where probability > 0 {
      rest -= probability
      last = index
      if rest < 0 { break }
    }
    return last
  }

  private static func softmax(_ scores: [Double]) -> [Double] {
    let largest = scores.max() ?? 0
    let exponentials = scores.map { exp($0 - largest) }
    let sum = exponentials.reduce(0, +)
    return exponentials.map { $0 / sum }
  }
}
