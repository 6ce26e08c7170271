/// The ROUGE scores: the overlap of texts with references in tokens, pairs of tokens and common
/// subsequences.
///
/// They are computed as in the Python package rouge-score 0.1.2 without its stemmer, which is not
/// supported.
///
/// A text is converted to lower case, and its tokens are the runs of the letters a–z and digits
/// 0–9. Every other character is a separator, including accented letters. With h the overlap of
/// output and reference (for n-grams, the sum of the smaller counts; or else the length of the
/// longest common subsequence of the whole texts), precision is h over the size of the output,
/// recall is h over the size of the reference, and F1 is their harmonic mean. Each is 0 if its
/// denominator is 0. With several references, each measure uses the first reference with the
/// highest F1. The value for all segments is their unweighted mean.
public struct ROUGE: Hashable, Sendable {
  /// One measure, each value from 0 to 1.
  public struct Score: Hashable, Sendable {
    /// The fraction of the output that is in the reference.
    public let precision: Double
    /// The fraction of the reference that is in the output.
    public let recall: Double
    /// 2 precision · recall / (precision + recall).
    public let f1: Double
  }

  /// Overlap in single tokens.
  public let rouge1: Score
  /// Overlap in pairs of adjacent tokens.
  public let rouge2: Score
  /// Overlap by the longest common subsequence.
  public let rougeL: Score

  /// Scores `outputs`, one text per segment, against `references`, one or more texts per segment;
  /// the number of references may differ between segments. O(tokens of the output · tokens of the
  /// reference) for each reference.
  public init(outputs: [String], references: [[String]]) {
    checkSegments(outputs, references, of: "ROUGE")
    var numbers = TokenNumbers()
    var (unigrams, bigrams, subsequences): ([Score], [Score], [Score]) = ([], [], [])
    for (output, references) in zip(outputs, references) {
      let output = numbers(Self.tokens(of: output))
      let references = references.map { numbers(Self.tokens(of: $0)) }
      unigrams.append(best(references.map { overlap(output, $0, order: 1) }))
      bigrams.append(best(references.map { overlap(output, $0, order: 2) }))
      subsequences.append(
        best(
          references.map {
            Score(longestCommonSubsequence(output, $0), of: output.count, and: $0.count)
          }))
    }
    rouge1 = Score(meanOf: unigrams)
    rouge2 = Score(meanOf: bigrams)
    rougeL = Score(meanOf: subsequences)
  }

  /// The tokens of `text` in order. O(length).
  public static func tokens(of text: String) -> [String] {
    lowercasing(text).utf8.split { byte in
      !(UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
        && !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }.map { String(decoding: $0, as: UTF8.self) }
  }
}

extension ROUGE.Score {
  fileprivate init(_ shared: Int, of output: Int, and reference: Int) {
    precision = Double(shared) / Double(max(output, 1))
    recall = Double(shared) / Double(max(reference, 1))
    f1 = shared == 0 ? 0 : 2 * precision * recall / (precision + recall)
  }

  fileprivate init(meanOf scores: [Self]) {
    let mean = { (value: KeyPath<Self, Double>) in
      scores.reduce(0) { $0 + $1[keyPath: value] } / Double(scores.count)
    }
    (precision, recall, f1) = (mean(\.precision), mean(\.recall), mean(\.f1))
  }
}

private func best(_ scores: [ROUGE.Score]) -> ROUGE.Score {
  scores.dropFirst().reduce(scores[0]) { $1.f1 > $0.f1 ? $1 : $0 }
}

private func overlap(_ output: [Int], _ reference: [Int], order: Int) -> ROUGE.Score {
  let (grams, targets) = (NGramCounts(output, order: order), NGramCounts(reference, order: order))
  let shared = grams.counts.reduce(0) { $0 + min($1.value, targets[$1.key]) }
  return ROUGE.Score(shared, of: grams.total, and: targets.total)
}

/// The length of the longest common subsequence, computed one row of the table at a time.
private func longestCommonSubsequence(_ output: [Int], _ reference: [Int]) -> Int {
  var row = [Int](repeating: 0, count: reference.count + 1)
  for token in output {
    var diagonal = 0
    for (column, target) in reference.enumerated() {
      let above = row[column + 1]
      row[column + 1] = token == target ? diagonal + 1 : max(above, row[column])
      diagonal = above
    }
  }
  return row[reference.count]
}
