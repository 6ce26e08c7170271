import Foundation
import PEFTNetwork
import PEFTTensor

/// A task whose answers are tokens of the vocabulary. Of these only the loss is kept.
public protocol VocabularyTask: PredictionTask {}

extension VocabularyTask {
  /// The `task_type` of an adapter.
  public static var adapterTaskType: String { "CAUSAL_LM" }

  /// A logit of every token of the vocabulary, for each row that is predicted.
  public func output(pooling: Pooling) -> ModelOutput { .vocabulary }

  /// No answer is kept: a call is a programmer's error.
  public func answer(_ logits: UnsafeBufferPointer<Float>) -> Double {
    preconditionFailure("answer: \(Self.name) keeps no logits")
  }

  /// The perplexity, which is e to the power of the loss, the number of tokens, and the loss.
  public func metrics(
    of answers: [Double], targets: Targets?, loss: Double, terms: Int
  ) -> [(name: String, value: Double)] {
    [("perplexity", exp(loss)), ("tokens", Double(terms)), ("loss", loss)]
  }

  /// The perplexity; lower is better.
  public var primaryMetric: PrimaryMetric { PrimaryMetric("perplexity", higherIsBetter: false) }

  /// No prediction is made: a call is a programmer's error.
  public func prediction(_ logits: [Float], of _: TextExample, words _: [Int]) -> JSONObject {
    preconditionFailure("prediction: \(Self.name) keeps no logits")
  }
}
