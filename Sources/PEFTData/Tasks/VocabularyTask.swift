import Foundation
import PEFTNetwork
import PEFTTensor

/// A task whose answers are tokens of the vocabulary. Only the loss is kept.
public protocol VocabularyTask: PredictionTask {}

extension VocabularyTask {
  /// The `task_type` of an adapter.
  public static var adapterTaskType: String { "CAUSAL_LM" }

  /// One logit for each token of the vocabulary, for each predicted row.
  public func output(pooling: Pooling) -> ModelOutput { .vocabulary }

  /// Always traps: no answers are kept, so calling this is a programmer's error.
  public func answers(_ logits: UnsafeBufferPointer<Float>) -> [Double] {
    preconditionFailure("answers: \(Self.name) keeps no logits")
  }

  /// The perplexity (e to the power of the loss), the number of tokens, and the loss.
  public func metrics(
    of answers: [Double], targets: Targets?, loss: Double, terms: Int
  ) -> [(name: String, value: Double)] {
    [("perplexity", exp(loss)), ("tokens", Double(terms)), ("loss", loss)]
  }

  /// The perplexity; lower is better.
  public var primaryMetric: PrimaryMetric { PrimaryMetric("perplexity", higherIsBetter: false) }

  /// Always traps: no predictions are made, so calling this is a programmer's error.
  public func prediction(_ logits: [Float], of _: TextExample, words _: [Int]) -> JSONObject {
    preconditionFailure("prediction: \(Self.name) keeps no logits")
  }
}
