import Foundation
import PEFTData
import PEFTModels
import PEFTNetwork
import PEFTTensor

/// Training of a model's head alone, on features that are computed once.
///
/// A new head passes on gradients of random directions, so it is trained before anything is
/// measured. What it reads does not change meanwhile: the features of a few batches are computed
/// without dropout, and the steps take these batches in turn, which costs little more than the
/// features. Then the bias of the output is solved, so that the mean answer is the mean target:
/// otherwise the first gradients of everything else would be those of the frequencies of the
/// classes.
public struct HeadTraining: Hashable, Sendable {
  /// The number of steps.
  public var steps: Int
  /// The learning rate at the end of the warm-up.
  public var learningRate: Double

  /// The largest number of batches whose features are computed.
  package static let mostBatches = 40

  /// Creates the training of a head in `steps` steps.
  public init(steps: Int, learningRate: Double = 5e-3) {
    (self.steps, self.learningRate) = (steps, learningRate)
  }

  /// Trains the parameters of the task, in place; nothing else changes. Does nothing for a model
  /// without such parameters.
  ///
  /// Batches, warm-up, decay, optimizer, clipping and precision are those of `settings`.
  ///
  /// - Parameter shouldStop: called after every batch of features and every step.
  /// - Returns: false if it was stopped.
  /// - Throws: `NonFiniteLoss`.
  public func run(
    _ model: TransformerModel, on data: EncodedDataset, settings: TrainingSettings,
    shouldStop: () -> Bool = { false }, observe: (StepReport) -> Void = { _ in }
  ) throws -> Bool {
    let head = model.taskParameters
    guard steps > 0, !head.isEmpty else { return true }
    let marks = head.map(\.trains)
    for parameter in head { parameter.trains = .all }
    defer { for (parameter, mark) in zip(head, marks) { parameter.trains = mark } }
    // The batches that are in memory at once.
    var settings = settings
    settings.accumulation = 1
    let source = BatchSource(data: data, settings: settings)
    var examples: [Features] = []
    for number in 0..<min(steps, Self.mostBatches) {
      examples.append(Features(of: source[number], in: model, precision: settings.precision))
      if shouldStop() { return false }
    }
    var optimizer = AdamW(
      parameters: head, settings: settings.optimizer,
      rateFactors: Dictionary(
        uniqueKeysWithValues: model.parameters.filter { $0.kind == .head }.map {
          ($0.parameter, settings.rateFactor(of: $0))
        }))
    let schedule = LearningRateSchedule(
      peak: learningRate,
      warmupSteps: max(1, Int(saturating: settings.warmupFraction * Double(steps))),
      totalSteps: steps, decay: settings.decay)
    let gradients = GradientAccumulator(precision: settings.precision)
    for step in 0..<steps {
      let start = ContinuousClock.now
      let batch = examples[step % examples.count]
      gradients.reset()
      let loss = batch.pullBack(in: model, settings: settings, to: gradients)
      let norm = gradients.globalNorm(of: head)
      guard loss.isFinite, norm.isFinite else {
        throw NonFiniteLoss(
          step: step + 1, loss: loss,
          parameter: loss.isFinite
            ? head.first { gradients[$0]?.isFinite == false }?.name : nil)
      }
      let rate = schedule.rate(at: step)
      optimizer.step(
        gradients: gradients, learningRate: rate,
        gradientScale: settings.clippingNorm.map { clippingFactor(norm: norm, limit: $0) } ?? 1)
      observe(
        StepReport(
          numbers: StepReport.Numbers(
            step: step + 1, totalSteps: steps, loss: loss, learningRate: rate,
            gradientNorm: norm),
          tokens: batch.tokenCount, seconds: (ContinuousClock.now - start) / .seconds(1)))
      if shouldStop() { return false }
    }
    if let bias = model.outputBias {
      OutputBias(answering: examples, in: model, shape: settings.lossShape)
        .solve(bias)
    }
    return true
  }
}

/// A batch as what the head reads of it.
private struct Features {
  private let rows: Tensor
  private let partition: RowPartition
  let targets: Targets
  let tokenCount: Int

  init(of batch: Batch, in model: TransformerModel, precision: Precision) {
    let features = model.frozen {
      model.features(batch.texts, on: Tape(precision: precision))
    }
    (rows, partition) = (features.value, features.partition)
    (targets, tokenCount) = (batch.targets, batch.texts.tokenCount)
  }

  private var variable: Variable { Variable(constant: rows, partition: partition) }

  /// The logits [N, C].
  func logits(in model: TransformerModel) -> Tensor {
    model.frozen { model.output(of: variable, on: Tape()).value }
  }

  /// Adds the gradients of the mean loss and returns that.
  func pullBack(
    in model: TransformerModel, settings: TrainingSettings, to gradients: GradientAccumulator
  ) -> Double {
    let tape = Tape(precision: settings.precision)
    let loss = tape.loss(
      model.output(of: variable, on: tape), targets: targets, vocabulary: model.vocabulary,
      shape: settings.lossShape)
    tape.pullBack(Tensor(repeating: 1, shape: [1]), from: loss.variable, to: gradients)
    return loss.mean
  }
}

/// The logits and targets of some rows, for which a bias of the output is solved.
private struct OutputBias {
  /// The logits of all rows, one row after another.
  private var logits: [Float] = []
  private var classes: [Int] = []
  private var sets: [[Int]] = []
  private var values: [Double] = []
  private let shape: LossShape

  init(answering batches: [Features], in model: TransformerModel, shape: LossShape) {
    self.shape = shape
    for batch in batches {
      switch batch.targets.kind {
      case .classes(let classes): self.classes += classes
      case .labelSets(let sets): self.sets += sets
      case .values(let values): self.values += values
      case .tokens: preconditionFailure("OutputBias: a vocabulary has no bias of the task")
      }
      logits += batch.logits(in: model).elements
    }
  }

  /// Adds to `bias` [C] what makes the mean answer the mean target. Rows count by the weights of
  /// their classes. Of classes without a row, and of labels that all rows have or none, the entries
  /// stay as they are.
  func solve(_ bias: Parameter) {
    var changes = Array(repeating: 0.0, count: bias.count)
    if !sets.isEmpty {
      changes = changesOfLabels(count: bias.count)
    } else if classes.isEmpty {
      guard !values.isEmpty else { return }
      let rest = zip(values, logits).reduce(0) { $0 + $1.0 - Double($1.1) }
      changes = changes.map { _ in rest / Double(values.count) }
    } else {
      let count = bias.count
      let weights = classes.map { shape.weight(of: $0) }
      let total = weights.reduce(0, +)
      guard total > 0 else { return }
      var frequencies = Array(repeating: 0.0, count: count)
      for (index, weight) in zip(classes, weights) { frequencies[index] += weight / total }
      // Iterative scaling: every pass raises the likelihood.
      for _ in 0..<Self.passes {
        let means = meanProbabilities(shiftedBy: changes, weights: weights.map { $0 / total })
        for index in changes.indices where frequencies[index] > 0 {
          let wanted =
            (1 - shape.labelSmoothing) * frequencies[index]
            + shape.labelSmoothing / Double(count)
          changes[index] += log(wanted / max(means[index], .leastNormalMagnitude))
        }
      }
    }
    bias.value.withUnsafeMutableElements { elements in
      for index in elements.indices { elements[index] += Float(changes[index]) }
    }
  }

  private static let passes = 30

  /// For each label, the solution of Σ_i σ(z_i + b) = Σ_i t_i by Newton's method, whose steps are
  /// limited to 2.
  private func changesOfLabels(count: Int) -> [Double] {
    var wanted = Array(repeating: 0.0, count: count)
    for index in sets.joined() { wanted[index] += 1 }
    return (0..<count).map { index in
      guard wanted[index] > 0, wanted[index] < Double(sets.count) else { return 0 }
      var change = 0.0
      for _ in 0..<Self.passes {
        var (sum, slope) = (0.0, 0.0)
        for row in sets.indices {
          let probability = 1 / (1 + exp(-Double(logits[row * count + index]) - change))
          sum += probability
          slope += probability * (1 - probability)
        }
        change += min(2, max(-2, (wanted[index] - sum) / max(slope, .leastNormalMagnitude)))
      }
      return change
    }
  }

  private func meanProbabilities(shiftedBy changes: [Double], weights: [Double]) -> [Double] {
    let count = changes.count
    var means = Array(repeating: 0.0, count: count)
    var row = means
    for start in stride(from: 0, to: logits.count, by: count) {
      for index in 0..<count { row[index] = Double(logits[start + index]) + changes[index] }
      let largest = row.max() ?? 0
      for index in 0..<count { row[index] = exp(row[index] - largest) }
      let scale = weights[start / count] / row.reduce(0, +)
      for index in 0..<count { means[index] += row[index] * scale }
    }
    return means
  }
}
