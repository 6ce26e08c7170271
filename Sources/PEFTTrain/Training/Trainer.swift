import Foundation
import PEFTModels
import PEFTNetwork
import PEFTSelect
import PEFTTensor

/// Trains the trainable parameters of `model` on `data`, in place.
///
/// Minimises the mean over the examples of a batch of the task's loss, by AdamW with clipping by
/// global norm. Batches, dropout and everything else random are functions of the seed; the same
/// seed and number of workers give the same bits. When it returns, the model has the parameters of
/// the best evaluation, or of the last step where none was made. A loss or gradient that is not
/// finite ends the run before its step.
///
/// A run that goes on from a state takes the steps that the run it came from would
/// have taken, to the bit.
///
/// - Parameters:
///   - dev: the data to evaluate on; nil evaluates nothing.
///   - session: a method's part in the run, where what trains changes.
///   - state: where to go on; nil begins. It is let go of once it is restored.
///   - checkpoints: how often, in steps, `save` gets the state; it gets it as well after every
///     evaluation or pass, and after the step at which `shouldStop` ends the run.
///   - savesEnd: whether it gets the state after the last step too, for work that follows.
///   - shouldStop: asked after every step, and before every batch of an evaluation; true ends the
///     run. An evaluation that it ends is made again from the beginning by a run that goes on.
///   - observe: told of every step and evaluation.
public func train(
  _ model: TransformerModel, on data: EncodedDataset, evaluatingOn dev: EncodedDataset?,
  task: PredictionTask, settings: TrainingSettings, session: (any AdaptationSession)? = nil,
  from state: consuming TrainingState? = nil, checkpoints: Int? = nil, savesEnd: Bool = false,
  save: ((TrainingState) throws -> Void)? = nil,
  shouldStop: () -> Bool = { false }, observe: (TrainingEvent) throws -> Void
) throws -> TrainingOutcome {
  var run = TrainingRun(
    model: model, data: data, dev: dev, task: task, settings: settings, session: session)
  let done = state?.step ?? 0
  if let saved = state.take() { run.restore(saved) }
  return try run.outcome(
    after: done, checkpoints: checkpoints, savesEnd: savesEnd, save: save, shouldStop: shouldStop,
    observe: observe)
}

private struct TrainingRun {
  let model: TransformerModel
  let data: EncodedDataset
  let dev: EncodedDataset?
  let task: PredictionTask
  let settings: TrainingSettings
  let session: (any AdaptationSession)?
  /// What trains, or may come to.
  let parameters: [Parameter]
  let totalSteps: Int
  let schedule: LearningRateSchedule
  let gradients: GradientAccumulator
  var optimizer: AdamW
  var best: (step: Int, score: Double, metrics: [(name: String, value: Double)])?
  /// The best values of what trains now.
  var bestValues: [Parameter: Tensor] = [:]
  /// What trained when they were the best.
  var bestElements: [Parameter: TrainableElements] = [:]
  var evaluationsSinceBest = 0
  var isEvaluationDue = false
  var clock = StepClock()

  init(
    model: TransformerModel, data: EncodedDataset, dev: EncodedDataset?, task: PredictionTask,
    settings: TrainingSettings, session: (any AdaptationSession)?
  ) {
    self.model = model
    self.data = data
    self.dev = dev
    self.task = task
    self.settings = settings
    self.session = session
    let candidates = Set(session?.candidates ?? [])
    parameters = model.parameters.map(\.parameter).filter {
      $0.isTrainable || candidates.contains($0)
    }
    gradients = GradientAccumulator(precision: settings.precision)
    totalSteps = plannedSteps(data: data, settings: settings)
    schedule = LearningRateSchedule(
      peak: settings.learningRate,
      warmupSteps: max(1, Int(saturating: settings.warmupFraction * Double(totalSteps))),
      totalSteps: totalSteps, decay: settings.decay)
    optimizer = AdamW(
      parameters: parameters, settings: settings.optimizer,
      rateFactors: Dictionary(
        uniqueKeysWithValues: parameters.compactMap { parameter in
          settings.rateFactors[parameter.name].map { (parameter, $0) }
        }))
  }

  /// The state after `step` steps.
  func state(step: Int) -> TrainingState {
    TrainingState(
      step: step, elements: chosen { $0.trains },
      values: named { $0.isTrainable ? $0.trainableValue : nil },
      optimizer: optimizer.state,
      best: best.map {
        TrainingState.Best(
          step: $0.step, metrics: $0.metrics, elements: chosen { bestElements[$0] },
          values: named { bestValues[$0] })
      },
      evaluationsSinceBest: evaluationsSinceBest, effort: clock.effort,
      isEvaluationDue: isEvaluationDue)
  }

  private func named<Value>(_ value: (Parameter) -> Value?) -> [String: Value] {
    Dictionary(
      uniqueKeysWithValues: parameters.compactMap { parameter in
        value(parameter).map { (parameter.name, $0) }
      })
  }

  /// The elements by name, where they were chosen while training.
  private func chosen(_ elements: (Parameter) -> TrainableElements?) -> [String: [Int]] {
    session == nil ? [:] : named { elements($0)?.chosenElements }
  }

  mutating func restore(_ state: TrainingState) {
    for parameter in parameters {
      if let elements = state.elements[parameter.name] { parameter.trains = .elements(elements) }
      if let value = state.values[parameter.name] { parameter.trainableValue = value }
      if let value = state.best?.values[parameter.name] { bestValues[parameter] = value }
    }
    if let best = state.best {
      for parameter in parameters {
        bestElements[parameter] =
          best.elements[parameter.name].map { .elements($0) }
          ?? (session != nil && parameter.wantsWholeGradient
            ? TrainableElements.none : parameter.trains)
      }
    }
    optimizer.state = state.optimizer
    best = state.best.map { ($0.step, PrimaryMetric(of: task).score($0.metrics), $0.metrics) }
    evaluationsSinceBest = state.evaluationsSinceBest
    isEvaluationDue = state.isEvaluationDue
    clock = StepClock(after: state.effort)
  }

  mutating func outcome(
    after done: Int, checkpoints: Int?, savesEnd: Bool,
    save: ((TrainingState) throws -> Void)?, shouldStop: () -> Bool,
    observe: (TrainingEvent) throws -> Void
  ) throws -> TrainingOutcome {
    var step = done
    var skipped = 0
    var epoch = 0
    var ending = TrainingOutcome.Ending.finished
    let isBehind = isEvaluationDue
    if isBehind, try !evaluate(step: step, shouldStop: shouldStop, observe: observe) {
      ending = .interrupted
    }
    if isBehind, ending == .finished, step < totalSteps { try save?(state(step: step)) }
    // A state from the end of a run that patience ended.
    if ending == .finished, hasLostPatience, step < totalSteps { ending = .stoppedEarly }
    epochs: while step < totalSteps, ending == .finished {
      let batches = epochBatches(data: data, settings: settings, epoch: epoch)
      epoch += 1
      for (position, indices) in batches.enumerated() {
        if skipped < done {
          skipped += 1
          continue
        }
        let hiding = SeededGenerator(seed: settings.seed, purpose: "masks").split(step)
        var timing = clock
        let report = try timing.time(data.examples(indices, hidingWith: hiding)) {
          (batch) throws(NonFiniteLoss) in try take(step: step, batch)
        }
        clock = timing
        step += 1
        try observe(.step(report))
        let isDue =
          settings.evaluationInterval.map { step.isMultiple(of: $0) }
          ?? (position == batches.count - 1)
        if isDue || step == totalSteps {
          guard try evaluate(step: step, shouldStop: shouldStop, observe: observe) else {
            try save?(state(step: step))
            ending = .interrupted
            break epochs
          }
          if hasLostPatience {
            ending = step == totalSteps ? .finished : .stoppedEarly
            break epochs
          }
        }
        if step == totalSteps { break epochs }
        let isStopping = shouldStop()
        if let save,
          isStopping || isDue || checkpoints.map({ step.isMultiple(of: $0) }) == true
        {
          try save(state(step: step))
        }
        if isStopping {
          ending = .interrupted
          break epochs
        }
      }
    }
    if savesEnd, ending != .interrupted, step > done || isBehind { try save?(state(step: step)) }
    if ending != .interrupted || best != nil { restoreBest() }
    if let broken = parameters.first(where: { !$0.value.sumOfSquares.isFinite }) {
      throw NonFiniteLoss(step: step, loss: .nan, parameter: broken.name, isTaken: true)
    }
    try model.readAgain()
    return TrainingOutcome(
      ending: ending, steps: step, plannedSteps: totalSteps, bestStep: best?.step ?? step,
      bestMetrics: best?.metrics ?? [], seconds: clock.effort.seconds,
      tokensPerSecond: clock.effort.tokensPerSecond)
  }

  private var hasLostPatience: Bool {
    settings.patience.map { evaluationsSinceBest >= $0 } ?? false
  }

  /// One step, or an error before it.
  private mutating func take(
    step: Int, _ batch: Batch
  ) throws(NonFiniteLoss) -> StepReport.Numbers {
    gradients.reset()
    let dropout = SeededGenerator(seed: settings.seed, purpose: "dropout").split(step)
    let tape = Tape(
      dropout: settings.usesDropout ? dropout : nil,
      recomputingLayers: settings.recomputesLayers, precision: settings.precision)
    let loss = model.loss(
      batch.texts, batch.targets, labelSmoothing: settings.labelSmoothing, on: tape)
    guard loss.mean.isFinite else {
      throw NonFiniteLoss(step: step + 1, loss: loss.mean, parameter: nil)
    }
    tape.pullBack(Tensor(repeating: 1, shape: [1]), from: loss.variable, to: gradients)
    if let session { adjust(session, step: step) }
    let norm = gradients.globalNorm(of: parameters)
    guard norm.isFinite else {
      let culprit = parameters.first { gradients[$0]?.isFinite == false }
      throw NonFiniteLoss(step: step + 1, loss: loss.mean, parameter: culprit?.name)
    }
    let rate = schedule.rate(at: step)
    optimizer.step(
      gradients: gradients, learningRate: rate,
      gradientScale: settings.clippingNorm.map { clippingFactor(norm: norm, limit: $0) } ?? 1)
    return StepReport.Numbers(
      step: step + 1, totalSteps: totalSteps, loss: loss.mean, learningRate: rate,
      gradientNorm: norm)
  }

  /// Lets the method change what trains, and gives optimizer and best values the same elements.
  private mutating func adjust(_ session: any AdaptationSession, step: Int) {
    for (parameter, before) in session.adjust(gradients, step: step) {
      optimizer.change(parameter)
      guard best != nil else { continue }
      // What trained not yet has the value that it had at the best evaluation.
      let now = parameter.value
      bestValues[parameter] = now.withUnsafeElements { now in
        (bestValues[parameter] ?? Tensor(zeros: [0])).carried(
          from: before, to: parameter.trains, in: parameter.shape, as: parameter.trainableShape,
          fresh: { now[$0] })
      }
    }
  }

  /// Evaluates after a step; false where it was stopped, and then it stays due.
  private mutating func evaluate(
    step: Int, shouldStop: () -> Bool, observe: (TrainingEvent) throws -> Void
  ) throws -> Bool {
    guard let dev else { return true }
    isEvaluationDue = true
    try model.readAgain()
    guard let metrics = model.evaluate(dev, task: task, shouldStop: shouldStop)?.metrics else {
      return false
    }
    isEvaluationDue = false
    let score = PrimaryMetric(of: task).score(metrics)
    let isBest = best.map { score > $0.score } ?? true
    if isBest {
      best = (step, score, metrics)
      for parameter in parameters where parameter.isTrainable {
        bestValues[parameter] = parameter.trainableValue
      }
      bestElements = Dictionary(uniqueKeysWithValues: parameters.map { ($0, $0.trains) })
      evaluationsSinceBest = 0
    } else {
      evaluationsSinceBest += 1
    }
    try observe(.evaluation(step: step, metrics: metrics, isBest: isBest))
    return true
  }

  private mutating func restoreBest() {
    for parameter in parameters {
      guard let value = bestValues[parameter] else { continue }
      parameter.trainableValue = value
      if let elements = bestElements[parameter], elements != parameter.trains {
        parameter.trains = elements
      }
    }
    bestValues = [:]
  }
}

/// Measures steps; evaluations between them do not count.
private struct StepClock {
  private(set) var effort: TrainingEffort
  private var steps = 0

  /// Steps that may still build caches, left out of the rate.
  private static let coldSteps = 2

  /// A clock that goes on after the effort of other processes.
  init(after effort: TrainingEffort = TrainingEffort()) { self.effort = effort }

  mutating func time(
    _ batch: @autoclosure () -> Batch?,
    _ body: (Batch) throws(NonFiniteLoss) -> StepReport.Numbers
  ) throws(NonFiniteLoss) -> StepReport {
    let start = ContinuousClock.now
    guard let batch = batch() else { preconditionFailure("train: data without labels") }
    let numbers = try body(batch)
    let elapsed = (ContinuousClock.now - start) / .seconds(1)
    effort.seconds += elapsed
    steps += 1
    if steps > Self.coldSteps {
      effort.warmTokens += batch.texts.tokenCount
      effort.warmSeconds += elapsed
    }
    return StepReport(numbers: numbers, tokens: batch.texts.tokenCount, seconds: elapsed)
  }
}

/// The number of steps a run with these settings takes.
public func plannedSteps(data: EncodedDataset, settings: TrainingSettings) -> Int {
  switch settings.length {
  case .steps(let steps): return steps
  case .epochs(let epochs):
    let perEpoch = epochBatches(data: data, settings: settings, epoch: 0).count
    return max(1, Int(saturating: (epochs * Double(perEpoch)).rounded()))
  }
}

/// The batches of one pass: a permutation of (seed, epoch).
func epochBatches(data: EncodedDataset, settings: TrainingSettings, epoch: Int) -> [[Int]] {
  var order = SeededGenerator(seed: settings.seed, purpose: "order").split(epoch)
  return settings.batches.batches(lengths: data.lengths) { order.permutation($0) }
}
