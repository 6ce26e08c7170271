import Foundation
import PEFTModels
import PEFTNetwork
import PEFTSelect
import PEFTTensor

/// How good what a model says about examples is.
public struct Evaluation: Sendable {
  /// The metrics by name in a fixed order, the mean loss last; empty for data without labels.
  public let metrics: [(name: String, value: Double)]

  /// The metric called `name`.
  public subscript(name: String) -> Double? { metrics.first { $0.name == name }?.value }
}

extension TransformerModel {
  /// Runs over `data` without dropout and without recording anything.
  ///
  /// Examples of similar length are batched together. What is hidden from a masked language model
  /// is the same in every evaluation of the same data. The loss of language is the mean over
  /// predicted tokens, and perplexity its exponential. Of an example only its class or value is
  /// kept, never its logits.
  public func evaluate(_ data: EncodedDataset, task: PredictionTask) -> Evaluation {
    guard let evaluation = evaluate(data, task: task, shouldStop: { false }) else {
      preconditionFailure("evaluate: it was stopped, and nobody asked for that")
    }
    return evaluation
  }

  /// The same, unless `shouldStop`, which is asked before every batch, ends it: then nil.
  public func evaluate(
    _ data: EncodedDataset, task: PredictionTask, shouldStop: () -> Bool
  ) -> Evaluation? {
    frozen { evaluateFrozen(data, task: task, shouldStop: shouldStop) }
  }

  private func evaluateFrozen(
    _ data: EncodedDataset, task: PredictionTask, shouldStop: () -> Bool
  ) -> Evaluation? {
    var answers = Answers(data)
    var (losses, terms) = (0.0, 0)
    let hiding = SeededGenerator(seed: 0, purpose: "evaluation masks")
    for indices in Self.evaluationBatches(of: data, 0..<data.count) {
      if shouldStop() { return nil }
      let tape = Tape()
      let examples = data.examples(indices, hidingWith: hiding)
      let output = self(examples?.texts ?? data.texts(indices), on: tape)
      if let examples {
        let loss = tape.loss(output, targets: examples.targets, vocabulary: vocabulary)
        losses += loss.terms.reduce(0, +)
        terms += loss.terms.count
      }
      if !task.isLanguage { answers.add(output.value, of: indices) }
    }
    let meanLoss = losses / Double(max(1, terms))
    return Evaluation(
      metrics: task.isLanguage
        ? [
          ("perplexity", Foundation.exp(meanLoss)), ("tokens", Double(terms)), ("loss", meanLoss),
        ] : answers.metrics(task: task, loss: meanLoss))
  }

  /// The position of the largest logit, the first of equals.
  public static func largest(of logits: some RandomAccessCollection<Float>) -> Int {
    let place = logits.indices.max { (logits[$0], $1) < (logits[$1], $0) }
    return place.map { logits.distance(from: logits.startIndex, to: $0) } ?? 0
  }
}

/// What a model answers to the examples of a data set, and what would be right.
private struct Answers {
  private let targets: Targets?
  private var classes: [Int] = []
  private var values: [Double] = []

  init(_ data: EncodedDataset) {
    targets = data.targets
    switch targets {
    case .classes: classes = Array(repeating: 0, count: data.count)
    case .values: values = Array(repeating: 0, count: data.count)
    case .tokens, nil: break
    }
  }

  /// Keeps of `logits` [B, C], those of the examples `indices`, what the metrics need.
  mutating func add(_ logits: Tensor, of indices: [Int]) {
    let width = logits.shape.columns
    logits.withUnsafeElements { elements in
      for (row, index) in indices.enumerated() {
        let logits = UnsafeBufferPointer(rebasing: elements[row * width..<(row + 1) * width])
        switch targets {
        case .classes: classes[index] = TransformerModel.largest(of: logits)
        case .values: values[index] = Double(logits[0])
        case .tokens, nil: break
        }
      }
    }
  }

  func metrics(task: PredictionTask, loss: Double) -> [(name: String, value: Double)] {
    switch (targets, task) {
    case (.classes(let labels), .classification(let map)) where !labels.isEmpty:
      ClassificationMetrics(
        predictions: classes, labels: labels, classCount: map.count, loss: loss
      ).values
    case (.values(let targets), _) where !targets.isEmpty:
      RegressionMetrics(predictions: values, targets: targets, loss: loss).values
    default: []
    }
  }
}
