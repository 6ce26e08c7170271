import Foundation

/// The NIST score: the information that outputs share with references in n-grams of 1 to 5 tokens,
/// computed as by `corpus_nist` of the Python package NLTK, on the tokens of `Tokenization13a`.
///
/// The information of an n-gram w₁…w_n is log₂ of the count of w₁…w_{n−1} over the count of w₁…w_n
/// in all references. For a single token it is log₂ of the number of tokens in all references over
/// the token's count. For each segment and order, the reference is the one for which the mean
/// information of the output's n-grams is largest (then the longest one). The score is Σ_n
/// (information shared, over all segments) / (n-grams of all outputs). If the outputs' length c is
/// less than the length r of the chosen references, it is multiplied by exp(β ln²(c/r)) with β = ln
/// ½ / ln² 1.5, so that an output of 2/3 of the length gets half the score.
///
/// An order for which every output is too short adds 0, and the score is 0 if all outputs or all
/// references are empty; NLTK divides by zero in these cases.
public struct NIST: Hashable, Sendable {
  /// The score: at least 0, without a fixed maximum.
  public let score: Double
  /// The contributions of orders 1 to 5 before the penalty, in bits.
  public let information: [Double]
  /// The penalty for short outputs, from 0 to 1.
  public let lengthPenalty: Double

  /// Scores `outputs`, one text per segment, against `references`, one or more texts per segment;
  /// the number of references may differ between segments. Linear in the number of tokens.
  public init(outputs: [String], references: [[String]]) {
    checkSegments(outputs, references, of: "NIST")
    var numbers = TokenNumbers()
    let outputs = outputs.map { numbers(Tokenization13a.tokens(of: $0)) }
    let references = references.map { $0.map { numbers(Tokenization13a.tokens(of: $0)) } }
    let words = references.joined().reduce(0) { $0 + $1.count }
    var contexts: [ArraySlice<Int>: Int] = [[]: words]
    var information: [Double] = []
    var (outputLength, referenceLength) = (0, 0)
    for order in 1...Self.maximumOrder {
      let targets = references.map { $0.map { NGramCounts($0, order: order) } }
      var counts: [ArraySlice<Int>: Int] = [:]
      for grams in targets.joined() { counts.merge(grams.counts, uniquingKeysWith: +) }
      var (shared, total) = (0.0, 0)
      for (segment, output) in outputs.enumerated() {
        let grams = NGramCounts(output, order: order)
        let candidates = zip(references[segment], targets[segment]).map { reference, target in
          let weight = grams.distinct.reduce(0.0) { sum, gram in
            let count = min(grams[gram], target[gram])
            guard count > 0, let times = counts[gram], let context = contexts[gram.dropLast()]
            else { return sum }
            return sum + Foundation.log(Double(context) / Double(times)) / Foundation.log(2)
              * Double(count)
          }
          return (
            mean: grams.total == 0 ? 0 : weight / Double(grams.total), weight, reference.count
          )
        }
        let best = candidates.dropFirst().reduce(candidates[0]) { $1 > $0 ? $1 : $0 }
        shared += best.1
        total += grams.total
        referenceLength += best.2
        outputLength += output.count
      }
      information.append(total == 0 ? 0 : shared / Double(total))
      contexts = counts
    }
    lengthPenalty = penalty(output: outputLength, reference: referenceLength)
    score = information.reduce(0, +) * lengthPenalty
    self.information = information
  }

  private static let maximumOrder = 5
}

private func penalty(output: Int, reference: Int) -> Double {
  if output == 0 { return 0 }
  if output >= reference { return 1 }
  let ratio = log(Double(output) / Double(reference)) / log(1.5)
  return exp(log(0.5) * ratio * ratio)
}
