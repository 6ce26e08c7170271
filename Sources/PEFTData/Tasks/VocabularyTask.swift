import Foundation
import PEFTNetwork
import PEFTTensor

/// A task whose answers are tokens of the vocabulary. Of these only the loss is kept.
public protocol VocabularyTask: PredictionTask {}

extension VocabularyTask {
  public static var adapterTaskType: String { "CAUSAL_LM" }

  public func output(pooling: Pooling) -> ModelOutput { .vocabulary }

  public func answer(_ logits: UnsafeBufferPointer<Float>) -> Double {
    preconditionFailure("answer: \(Self.name) keeps no logits")
  }

  public func metrics(
    of answers: [Double], targets: Targets?, loss: Double, terms: Int
  ) -> [(name: String, value: Double)] {
    [("perplexity", exp(loss)), ("tokens", Double(terms)), ("loss", loss)]
  }

  public var primaryMetric: PrimaryMetric { PrimaryMetric("perplexity", higherIsBetter: false) }

  public func prediction(_ logits: [Float], of _: TextExample, words _: [Int]) -> JSONObject {
    preconditionFailure("prediction: \(Self.name) keeps no logits")
  }
}
