import Foundation
import PEFTModels
import PEFTSelect
import PEFTTensor

/// What a model says about examples, and how good that is.
public struct Evaluation: Sendable {
  /// The logits of each example, C numbers; empty where tokens are predicted.
  public let logits: [[Float]]
  /// The metrics by name in a fixed order, the mean loss last; empty for data without labels.
  public let metrics: [(name: String, value: Double)]

  /// The metric called `name`.
  public subscript(name: String) -> Double? { metrics.first { $0.name == name }?.value }
}

extension TransformerModel {
  /// Tokens of a batch of an evaluation.
  static var evaluationTokens: Int { 4096 }

  /// Runs over `data` without dropout and without recording anything.
  ///
  /// Examples of similar length are batched together; results come back in the order of the data. What is
  /// hidden from a masked language model is the same in every evaluation of the same data. The loss of
  /// language is the mean over predicted tokens, and perplexity its exponential.
  public func evaluate(_ data: EncodedDataset, task: PredictionTask) -> Evaluation {
    freezing { evaluateFrozen(data, task: task) }
  }

  /// What `body` returns where nothing trains meanwhile.
  func freezing<Result>(_ body: () -> Result) -> Result {
    let frozen = trainableParameters
    for parameter in frozen { parameter.isTrainable = false }
    defer { for parameter in frozen { parameter.isTrainable = true } }
    return body()
  }

  private func evaluateFrozen(_ data: EncodedDataset, task: PredictionTask) -> Evaluation {
    var logits = [[Float]](repeating: [], count: task.isLanguage ? 0 : data.count)
    var (losses, terms) = (0.0, 0)
    let hiding = SeededGenerator(seed: 0, purpose: "evaluation masks")
    let order = data.lengths.indices.sorted { (data.lengths[$0], $0) < (data.lengths[$1], $1) }
    let plan = BatchPlan(size: .tokens(Self.evaluationTokens))
    for positions in plan.batchesInOrder(lengths: order.map { data.lengths[$0] }) {
      let indices = positions.map { order[$0] }
      let tape = Tape()
      let examples = data.examples(indices, hidingWith: hiding)
      let output = self(examples?.texts ?? data.texts(indices), on: tape)
      if let examples {
        let loss = tape.loss(output, targets: examples.targets, vocabulary: vocabulary)
        losses += loss.terms.reduce(0, +)
        terms += loss.terms.count
      }
      guard !task.isLanguage else { continue }
      let width = output.value.shape.columns
      let elements = output.value.elements
      for (row, index) in indices.enumerated() {
        logits[index] = Array(elements[row * width..<(row + 1) * width])
      }
    }
    let meanLoss = losses / Double(max(1, terms))
    return Evaluation(
      logits: logits,
      metrics: task.isLanguage
        ? [
          ("perplexity", Foundation.exp(meanLoss)), ("tokens", Double(terms)), ("loss", meanLoss),
        ] : Self.metrics(logits, data.targets, task: task, loss: meanLoss))
  }

  private static func metrics(
    _ logits: [[Float]], _ targets: Targets?, task: PredictionTask, loss: Double
  ) -> [(name: String, value: Double)] {
    switch (targets, task) {
    case (.classes(let classes), .classification(let map)) where !classes.isEmpty:
      ClassificationMetrics(
        predictions: logits.map(Self.largest), labels: classes, classCount: map.count, loss: loss
      ).values
    case (.values(let values), _) where !values.isEmpty:
      RegressionMetrics(
        predictions: logits.map { Double($0[0]) }, targets: values, loss: loss
      ).values
    default: []
    }
  }

  /// The position of the largest logit, the first of equals.
  public static func largest(of logits: [Float]) -> Int {
    logits.indices.max { (logits[$0], $1) < (logits[$1], $0) } ?? 0
  }
}
