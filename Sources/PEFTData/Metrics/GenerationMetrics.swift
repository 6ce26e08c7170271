/// How well generated texts agree with references, by four measures of overlap.
public struct GenerationMetrics: Hashable, Sendable {
  /// Runs of 1 to 4 tokens, from 0 to 100.
  public let bleu: BLEU
  /// Tokens, pairs and subsequences, each from 0 to 1.
  public let rouge: ROUGE
  /// Information shared in runs of 1 to 5 tokens, 0 and upward.
  public let nist: NIST

  /// Scores `outputs`, one text a prompt, against `references`, one or more texts a
  /// prompt; their numbers may differ. `lowercase` concerns BLEU alone: ROUGE never
  /// regards case, NIST always does.
  public init(outputs: [String], references: [[String]], lowercase: Bool = false) {
    bleu = BLEU(outputs: outputs, references: references, lowercase: lowercase)
    rouge = ROUGE(outputs: outputs, references: references)
    nist = NIST(outputs: outputs, references: references)
  }

  /// The metrics by name in a fixed order: bleu, rouge1, rouge2, rougeL (each as F1), nist.
  public var values: [(name: String, value: Double)] {
    [
      ("bleu", bleu.score), ("rouge1", rouge.rouge1.f1), ("rouge2", rouge.rouge2.f1),
      ("rougeL", rouge.rougeL.f1), ("nist", nist.score),
    ]
  }

  /// How BLEU was computed, for a report that others shall compare with.
  public var signature: String { bleu.signature }
}
