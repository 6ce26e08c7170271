import Foundation

/// The information that outputs share with references in runs of 1 to 5 tokens, as the function
/// `corpus_nist` of the Python package NLTK computes it, on the tokens of `Tokenization13a`.
///
/// The information of an n-gram w₁…w_n is log₂ of the count of w₁…w_{n−1} over that of w₁…w_n in
/// all references, and for a single token log₂ of the number of tokens in all references over
/// its count. A segment and order take the reference with which the mean information of the
/// output's n-grams is largest (then the longest reference). The score is Σ_n (information
/// shared, over all segments) / (n-grams of all outputs), times exp(β ln²(c/r)) where the
/// outputs' length c is below the length r of the references taken, with β = ln ½ / ln² 1.5, so
/// that 2/3 of the length halves the score.
///
/// An order that no output is long enough for adds 0, and the score is 0 where all outputs or all
/// references are empty; NLTK divides by zero there.
public struct NIST: Hashable, Sendable {
  /// The score: 0 and upward, without a fixed largest value.
  public let score: Double
  /// What orders 1 to 5 add, before the penalty, in bits.
  public let information: [Double]
  /// The penalty for short outputs, from 0 to 1.
  public let lengthPenalty: Double

  /// Scores `outputs`, one text a segment, against `references`, one or more texts a segment; their
  /// numbers may differ. Linear in the tokens.
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
