import PEFTData
import PEFTModels
import PEFTNetwork
import PEFTTensor

/// The metrics of a model's answers on a data set.
public struct Evaluation: Sendable {
  /// The metrics by name in a fixed order, the mean loss last; empty for data without labels.
  public let metrics: [(name: String, value: Double)]
  /// The answer to each row of the data's targets: the index of a class, a value, or the
  /// probability of each label; empty for a language model and for data without labels.
  public let answers: [Double]

  /// The metric called `name`.
  public subscript(name: String) -> Double? { metrics.first { $0.name == name }?.value }
}

extension TransformerModel {
  /// The generator that chooses the tokens to mask in every evaluation.
  package static var evaluationMasks: SeededGenerator {
    SeededGenerator(seed: 0, purpose: "evaluation masks")
  }

  /// Evaluates the model on `data` without dropout and without recording.
  ///
  /// Examples of similar length are batched together. Every evaluation of the same data masks the
  /// same tokens. The loss of language tasks is the mean over predicted tokens, and perplexity is
  /// its exponential. Only the class or value of each example is kept, never its logits.
  public func evaluate(_ data: EncodedDataset, task: any PredictionTask) -> Evaluation {
    guard let evaluation = evaluate(data, task: task, shouldStop: { false }) else {
      preconditionFailure("evaluate: it was stopped, and nobody asked for that")
    }
    return evaluation
  }

  /// Evaluates the model on `data`.
  ///
  /// Returns nil if `shouldStop`, called before every batch, ends the evaluation.
  public func evaluate(
    _ data: EncodedDataset, task: any PredictionTask, shouldStop: () -> Bool
  ) -> Evaluation? {
    // A single process cannot miss another.
    try? evaluate(data, task: task, over: Alone(), shouldStop: shouldStop)
  }

  /// Evaluates the model on `data`, of which every process takes some batches; the result has the
  /// same bits for any number of them.
  ///
  /// Returns nil if `shouldStop`, called before every batch, is true in a process. Throws the
  /// collective's error if a process has ended.
  package func evaluate(
    _ data: EncodedDataset, task: any PredictionTask, over collective: any Collective,
    shouldStop: () -> Bool
  ) throws -> Evaluation? {
    try frozen {
      try evaluateFrozen(data, task: task, over: collective, shouldStop: shouldStop)
    }
  }

  private func evaluateFrozen(
    _ data: EncodedDataset, task: any PredictionTask, over collective: any Collective,
    shouldStop: () -> Bool
  ) throws -> Evaluation? {
    if let pairs = data.rankedPairs {
      return rank(pairs, of: data, task: task, shouldStop: shouldStop)
    }
    var answers =
      vocabulary == nil ? data.targets.map { Answers($0.partition, width: task.answerCount) } : nil
    let batches = Self.evaluationBatches(of: data, 0..<data.count)
    // The sum and the number of the losses of each batch.
    var sums = [Double](repeating: 0, count: 2 * batches.count)
    var isStopped = false
    // All processes ask as often whether to stop, because the answer may be an exchange.
    for first in stride(from: 0, to: batches.count, by: collective.count) {
      isStopped = shouldStop()
      if isStopped { break }
      let number = first + collective.rank
      guard number < batches.count,
        let examples = data.examples(batches[number], maskingWith: Self.evaluationMasks)
      else { continue }
      let tape = Tape()
      let output = self(examples.texts, on: tape)
      let loss = tape.loss(output, targets: examples.targets, vocabulary: vocabulary)
      sums[2 * number] = loss.terms.reduce(0, +)
      sums[2 * number + 1] = Double(loss.terms.count)
      answers?.add(output.value, of: batches[number], by: task)
    }
    if try collective.any(isStopped) { return nil }
    if collective.count > 1 {
      let all = try collective.gather(sums)
      let found = try answers.map { try collective.gather($0.values) }
      for (number, indices) in batches.enumerated() {
        let rank = number % collective.count
        for index in 2 * number...2 * number + 1 { sums[index] = all[rank][index] }
        if let found { answers?.take(indices, from: found[rank]) }
      }
    }
    let losses = stride(from: 0, to: sums.count, by: 2).reduce(0) { $0 + sums[$1] }
    let terms = Int(stride(from: 1, to: sums.count, by: 2).reduce(0) { $0 + sums[$1] })
    return Evaluation(
      metrics: task.metrics(
        of: answers?.values ?? [], targets: data.targets, loss: losses / Double(max(1, terms)),
        terms: terms), answers: answers?.values ?? [])
  }
}

/// A model's answers for all predicted rows.
private struct Answers {
  private let partition: RowPartition
  private let answerCount: Int
  private(set) var values: [Double]

  /// An empty set of answers of `width` numbers for the rows of a data set's examples.
  init(_ partition: RowPartition, width: Int) {
    self.partition = partition
    answerCount = width
    values = Array(repeating: 0, count: partition.rowCount * width)
  }

  /// Takes the answers for the examples `indices` from those of another process.
  mutating func take(_ indices: [Int], from other: [Double]) {
    for index in indices {
      let rows = partition[index]
      let range = rows.lowerBound * answerCount..<rows.upperBound * answerCount
      values.replaceSubrange(range, with: other[range])
    }
  }

  /// Stores the answers that `task` derives from `logits` [N, C], the rows of the examples
  /// `indices`.
  mutating func add(_ logits: Tensor, of indices: [Int], by task: any PredictionTask) {
    let width = logits.shape.columns
    logits.withUnsafeElements { elements in
      var row = 0
      for index in indices {
        for place in partition[index] {
          let answers = task.answers(
            UnsafeBufferPointer(rebasing: elements[row * width..<(row + 1) * width]))
          for (index, answer) in answers.enumerated() {
            values[place * answerCount + index] = answer
          }
          row += 1
        }
      }
    }
  }
}
