import Foundation
import PEFTData
import PEFTModels
import PEFTNetwork
import PEFTTensor

/// Trains the trainable parameters of `model` on `data`, in place.
///
/// Minimises the mean of the task's loss over the examples of a batch, by AdamW with clipping by
/// global norm. Batches, dropout and everything else random are functions of the seed; the same
/// seed gives the same bits with any number of workers. On return, the model has the parameters of
/// the best evaluation, or of the last step if there was no evaluation. A loss or gradient that is
/// not finite ends the run before its step changes the parameters.
///
/// A run resumed from a state takes exactly the steps that the original run would have taken, bit
/// for bit.
///
/// What the method leaves to choose must have been chosen.
///
/// - Parameters:
///   - dev: the data to evaluate on; if nil, nothing is evaluated.
///   - session: a method's part in the run, if it changes which elements train.
///   - collective: the processes that train together and evaluate together. If there are several,
///     `settings` must divide batches into at least as many atoms (`TrainingSettings.atoms`). Those
///     of one machine have the frozen weights in memory once, unless products are in bf16, which
///     need packed copies.
///   - effort: the time spent on a new run before its first step.
///   - state: the state to resume from; nil starts a new run. It is released once it is restored.
///   - checkpoints: how often, in steps, `save` receives the state. It also receives the state
///     after every evaluation or pass, and after the step at which `shouldStop` ends the run.
///   - pause: the step after which the run is interrupted as by `shouldStop`; nil for none.
///   - savesStart: whether `save` also receives the state before the first step of a new run, whose
///     choice of what trains took long.
///   - savesEnd: whether `save` also receives the state after the last step, for work that follows.
///   - shouldStop: called after every step and before every batch of an evaluation; true ends the
///     run. If it ends an evaluation, a resumed run repeats that evaluation from the start.
///   - observe: receives every step and evaluation.
public func train(
  _ model: TransformerModel, on data: EncodedDataset, evaluatingOn dev: EncodedDataset?,
  task: any PredictionTask, settings: TrainingSettings, session: (any AdaptationSession)? = nil,
  collective: any Collective = Alone(), after effort: TrainingEffort? = nil,
  from state: consuming TrainingState? = nil, checkpoints: Int? = nil,
  pausingAfter pause: Int? = nil, savesStart: Bool = false, savesEnd: Bool = false,
  save: ((TrainingState) throws -> Void)? = nil, shouldStop: () -> Bool = { false },
  observe: (TrainingEvent) throws -> Void
) throws -> TrainingOutcome {
  var run = TrainingRun(
    loop: TrainingLoop(
      model, on: data, settings: settings, session: session, collective: collective),
    dev: dev, task: task, settings: settings, collective: collective,
    clock: StepClock(after: effort ?? TrainingEffort()))
  let (done, isNew) = (state?.step ?? 0, state == nil)
  if let saved = state.take() { run.restore(saved) }
  let open = session == nil ? model.parameters.first { $0.parameter.wantsWholeGradient } : nil
  precondition(
    open == nil, "train: what trains of \(open?.parameter.name ?? "") has not been chosen")
  if isNew, savesStart { try save?(run.state()) }
  return try run.outcome(
    after: done, checkpoints: checkpoints, pausingAfter: pause, savesEnd: savesEnd, save: save,
    shouldStop: shouldStop, observe: observe)
}

extension TrainingState {
  /// The state of a run of `model` that has chosen what trains and has taken no step.
  package init(
    choiceIn model: TransformerModel, on data: EncodedDataset, settings: TrainingSettings,
    session: (any AdaptationSession)?, after effort: TrainingEffort
  ) throws {
    let state = try TrainingLoop(model, on: data, settings: settings, session: session).state
    self.init(
      step: state.step, elements: state.elements, values: state.values,
      optimizer: state.optimizer, best: nil, session: state.session, evaluationsSinceBest: 0,
      effort: effort)
  }

  /// Gives `model` what trains in a run that has taken no step.
  package func restoreChoice(
    in model: TransformerModel, on data: EncodedDataset, settings: TrainingSettings,
    session: (any AdaptationSession)?
  ) {
    var loop = TrainingLoop(model, on: data, settings: settings, session: session)
    loop.restore(
      TrainingLoop.State(
        step: step, elements: elements, values: values, optimizer: optimizer, mark: nil,
        session: self.session))
  }
}

private struct TrainingRun {
  var loop: TrainingLoop
  let dev: EncodedDataset?
  let task: any PredictionTask
  let settings: TrainingSettings
  let collective: any Collective
  var best: (step: Int, metrics: [(name: String, value: Double)])?
  var evaluationsSinceBest = 0
  var isEvaluationDue = false
  var clock: StepClock

  /// The current state.
  func state() throws -> TrainingState {
    let state = try loop.state
    return TrainingState(
      step: state.step, elements: state.elements, values: state.values,
      optimizer: state.optimizer,
      best: best.map {
        TrainingState.Best(
          step: $0.step, metrics: $0.metrics, elements: state.mark?.elements ?? [:],
          values: state.mark?.values ?? [:])
      },
      session: state.session, evaluationsSinceBest: evaluationsSinceBest, effort: clock.effort,
      isEvaluationDue: isEvaluationDue)
  }

  mutating func restore(_ state: TrainingState) {
    loop.restore(
      TrainingLoop.State(
        step: state.step, elements: state.elements, values: state.values,
        optimizer: state.optimizer, mark: state.best.map { ($0.elements, $0.values) },
        session: state.session))
    best = state.best.map { ($0.step, $0.metrics) }
    evaluationsSinceBest = state.evaluationsSinceBest
    isEvaluationDue = state.isEvaluationDue
    clock = StepClock(after: state.effort)
  }

  mutating func outcome(
    after done: Int, checkpoints: Int?, pausingAfter pause: Int?, savesEnd: Bool,
    save: ((TrainingState) throws -> Void)?, shouldStop: () -> Bool,
    observe: (TrainingEvent) throws -> Void
  ) throws -> TrainingOutcome {
    var ending = TrainingOutcome.Ending.finished
    let isBehind = isEvaluationDue
    if isBehind, try !evaluate(shouldStop: shouldStop, observe: observe) {
      ending = .interrupted
    }
    if isBehind, ending == .finished, loop.step < loop.totalSteps { try save?(state()) }
    // The state may come from the end of a run that ran out of patience.
    if ending == .finished, hasLostPatience, loop.step < loop.totalSteps { ending = .stoppedEarly }
    while loop.step < loop.totalSteps, ending == .finished {
      let report = try clock.step(&loop)
      if let reselection = loop.reselection {
        try observe(.reselection(step: loop.step - 1, reselection))
      }
      try observe(.step(report))
      let isLast = loop.step == loop.totalSteps
      let isDue = settings.evaluationInterval.map { loop.step.isMultiple(of: $0) } ?? loop.endsPass
      if isDue || isLast {
        guard try evaluate(shouldStop: shouldStop, observe: observe) else {
          try save?(state())
          ending = .interrupted
          break
        }
        if hasLostPatience {
          ending = isLast ? .finished : .stoppedEarly
          break
        }
      }
      if isLast { break }
      let isStopping = try collective.any(shouldStop() || loop.step == pause)
      if let save,
        isStopping || isDue || checkpoints.map({ loop.step.isMultiple(of: $0) }) == true
      {
        try save(state())
      }
      if isStopping { ending = .interrupted }
    }
    if savesEnd, ending != .interrupted, loop.step > done || isBehind { try save?(state()) }
    if ending != .interrupted || best != nil { loop.returnToMark() }
    if let broken = loop.parameters.first(where: { !$0.value.sumOfSquares.isFinite }) {
      throw NonFiniteLoss(step: loop.step, loss: .nan, parameter: broken.name, isTaken: true)
    }
    try loop.model.readAgain()
    return TrainingOutcome(
      ending: ending, steps: loop.step, plannedSteps: loop.totalSteps,
      bestStep: best?.step ?? loop.step, bestMetrics: best?.metrics ?? [],
      seconds: clock.effort.seconds, tokensPerSecond: clock.effort.tokensPerSecond,
      choosingSeconds: clock.effort.choosingSeconds)
  }

  private var hasLostPatience: Bool {
    settings.patience.map { evaluationsSinceBest >= $0 } ?? false
  }

  /// Evaluates after a step. Returns false if the evaluation was stopped; it then remains due.
  private mutating func evaluate(
    shouldStop: () -> Bool, observe: (TrainingEvent) throws -> Void
  ) throws -> Bool {
    guard let dev else { return true }
    isEvaluationDue = true
    try loop.model.readAgain()
    let found = try loop.model.evaluate(
      dev, task: task, over: collective, shouldStop: shouldStop)
    guard let metrics = found?.metrics else { return false }
    isEvaluationDue = false
    let metric = task.primaryMetric
    // What the method leaves was larger then.
    let isSettled = loop.step >= loop.settledStep
    let earlier = best.flatMap { isSettled && $0.step < loop.settledStep ? nil : $0 }
    let isBest = earlier.map { metric.isBetter(metrics, than: $0.metrics) } ?? true
    // A lower loss at the same score does not renew the patience, because it may go on for ever.
    let isHigher =
      !isSettled || (earlier.map { metric.score(metrics) > metric.score($0.metrics) } ?? true)
    evaluationsSinceBest = isHigher ? 0 : evaluationsSinceBest + 1
    if isBest {
      best = (loop.step, metrics)
      loop.markValues()
    }
    try observe(.evaluation(step: loop.step, metrics: metrics, isBest: isBest))
    return true
  }
}

/// Measures the time of steps, without the evaluations between them.
private struct StepClock {
  private(set) var effort: TrainingEffort
  private var steps = 0

  /// The first steps, which may still build caches and are left out of the rate.
  private static let coldSteps = 2

  /// A clock that continues from the effort of earlier processes.
  init(after effort: TrainingEffort) { self.effort = effort }

  /// Takes a step of `loop`.
  mutating func step(_ loop: inout TrainingLoop) throws -> StepReport {
    let start = ContinuousClock.now
    let batch = loop.nextBatch()
    let numbers = try loop.take(batch)
    let choosing = loop.reselection?.seconds ?? 0
    let elapsed = (ContinuousClock.now - start) / .seconds(1) - choosing
    effort.seconds += elapsed + choosing
    effort.choosingSeconds += choosing
    steps += 1
    if steps > Self.coldSteps {
      effort.warmTokens += batch.tokenCount
      effort.warmSeconds += elapsed
    }
    return StepReport(numbers: numbers, tokens: batch.tokenCount, seconds: elapsed)
  }
}
