import Foundation

/// Predicts every token by its frequency alone, whatever comes before it.
///
/// Tokens that were never counted need a probability too. By the method of Witten and Bell (1991,
/// their method C), with N counted tokens of T types in a vocabulary of V, a token counted n times
/// has the probability n / (N + T), and the V − T others share T / (N + T) evenly. If there are no
/// others, the probability is n / N.
struct UnigramModel {
  private let counts: [Int32: Int]
  private let total: Double
  private let unseen: Double

  /// The model of `counts`, tokens with how often they occur, in a vocabulary of `vocabularySize`.
  init(_ counts: [Int32: Int], vocabularySize: Int) {
    self.counts = counts
    let types = counts.count
    let others = max(0, vocabularySize - types)
    total = Double(counts.values.reduce(0, +) + (others > 0 ? types : 0))
    unseen = others > 0 ? Double(types) / Double(others) : 0
  }

  /// The mean of −log p over `tokens`, in nats; infinite for a token without a probability.
  func loss(of tokens: [Int32: Int]) -> Double {
    let all = Double(tokens.values.reduce(0, +))
    guard all > 0, total > 0 else { return .infinity }
    return tokens.sorted { $0.key < $1.key }.reduce(0) { sum, entry in
      let count = counts[entry.key].map(Double.init) ?? unseen
      return sum + Double(entry.value) / all * log(total / count)
    }
  }
}
