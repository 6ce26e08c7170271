import Foundation
import PEFTTensor

/// The BLEU score: the agreement of texts with references in n-grams of 1 to 4 tokens, computed as
/// in sacreBLEU 2.
///
/// m_n is the number of n-grams of the outputs that a reference also has, each counted at most as
/// often as in the reference that has it most often. t_n is the number of all n-grams of the
/// outputs, c the number of tokens of the outputs, and r the number of tokens of the references
/// closest in length (the shorter of two equally close ones). All are summed over the segments.
/// Then
///
///     BLEU = 100 · min(1, exp(1 − r/c)) · (p₁ p₂ p₃ p₄)^¼,  p_n = m_n / t_n.
///
/// Tokens are those of `Tokenization13a`. Smoothing is `exp`: the k-th order without a match counts
/// as 2^−k of a match. The score is 0 if no token matches, or if no output has 4 tokens. An empty
/// reference counts as a reference.
public struct BLEU: Hashable, Sendable {
  /// The score, from 0 to 100.
  public let score: Double
  /// 100 p_n, smoothed, of orders 1 to 4; 0 if no output has n tokens or no token matches.
  public let precisions: [Double]
  /// The penalty for short outputs, from 0 to 1.
  public let brevityPenalty: Double
  /// m_n of orders 1 to 4, before smoothing.
  public let matches: [Int]
  /// t_n of orders 1 to 4.
  public let totals: [Int]
  /// The number of tokens of all outputs.
  public let outputLength: Int
  /// The number of tokens of the references closest in length, over all segments.
  public let referenceLength: Int
  /// The settings of the computation in the form of sacreBLEU's signatures, with this package in
  /// place of its version.
  public let signature: String

  /// Scores `outputs`, one text per segment, against `references`, one or more texts per segment;
  /// the number of references may differ between segments. `lowercase` ignores case. Linear in the
  /// number of tokens.
  public init(outputs: [String], references: [[String]], lowercase: Bool = false) {
    checkSegments(outputs, references, of: "BLEU")
    var numbers = TokenNumbers()
    func tokens(_ text: String) -> [Int] {
      numbers(Tokenization13a.tokens(of: lowercase ? lowercasing(text) : text))
    }
    var matches = [Int](repeating: 0, count: Self.maximumOrder)
    var totals = matches
    var (outputLength, referenceLength) = (0, 0)
    for (output, references) in zip(outputs, references) {
      let output = tokens(output)
      let references = references.map { tokens($0) }
      for order in 1...Self.maximumOrder {
        let grams = NGramCounts(output, order: order)
        let allowed = references.map { NGramCounts($0, order: order) }
        totals[order - 1] += grams.total
        for (gram, count) in grams.counts {
          matches[order - 1] += min(count, allowed.reduce(0) { max($0, $1[gram]) })
        }
      }
      outputLength += output.count
      referenceLength += closest(to: output.count, among: references.map(\.count))
    }
    brevityPenalty =
      outputLength >= referenceLength
      ? 1 : outputLength == 0 ? 0 : exp(1 - Double(referenceLength) / Double(outputLength))
    precisions = smoothedPrecisions(matches: matches, totals: totals)
    score =
      precisions.contains(0)
      ? 0 : brevityPenalty * exp(precisions.reduce(0) { $0 + log($1) } / Double(Self.maximumOrder))
    (self.matches, self.totals) = (matches, totals)
    (self.outputLength, self.referenceLength) = (outputLength, referenceLength)
    let counts = Set(references.map(\.count))
    let number = counts.count == 1 ? "\(references[0].count)" : "var"
    signature =
      "nrefs:\(number)|case:\(lowercase ? "lc" : "mixed")|eff:no|tok:13a|smooth:exp"
      + "|version:peft-\(packageVersion)"
  }

  private static let maximumOrder = 4
}

private func closest(to length: Int, among candidates: [Int]) -> Int {
  candidates.min { (abs($0 - length), $0) < (abs($1 - length), $1) } ?? 0
}

private func smoothedPrecisions(matches: [Int], totals: [Int]) -> [Double] {
  guard matches.contains(where: { $0 > 0 }) else { return matches.map { _ in 0 } }
  var divisor = 1.0
  return zip(matches, totals).map { matched, total in
    if total == 0 { return 0 }
    if matched > 0 { return 100 * Double(matched) / Double(total) }
    divisor *= 2
    return 100 / (divisor * Double(total))
  }
}
