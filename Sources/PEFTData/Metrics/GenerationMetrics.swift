/// The agreement of generated texts with references, by several measures of overlap.
public struct GenerationMetrics: Hashable, Sendable {
  /// Overlap in n-grams of 1 to 4 tokens, from 0 to 100.
  public let bleu: BLEU
  /// Overlap in single tokens, pairs and subsequences, each from 0 to 1.
  public let rouge: ROUGE
  /// Information shared in n-grams of 1 to 5 tokens, at least 0.
  public let nist: NIST

  /// Scores `outputs`, one text per prompt, against `references`, one or more texts per prompt; the
  /// number of references may differ between prompts. `lowercase` affects only BLEU: ROUGE always
  /// ignores case, and NIST never does.
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

  /// The settings of BLEU, for reports whose scores are compared with others.
  public var signature: String { bleu.signature }
}
