import PEFTData
import PEFTModels
import PEFTNetwork
import PEFTTensor

/// The beginning of a run whose learning rate was found by the run itself.
public struct RunBeginning: Sendable {
  /// How the rate was found.
  public let search: RateSearch
  /// The state of the run with the chosen rate after the race, from which it continues; nil if
  /// nothing was tried.
  public let state: TrainingState?
  /// The steps and evaluations up to this state.
  public let events: [TrainingEvent]
}

/// Progress of a search for a learning rate.
public enum RateSearchEvent: Sendable {
  /// The rate was estimated; nil if there is nothing to estimate it from.
  case estimated(RateEstimate?)
  /// A step of the arm with this rate.
  case step(rate: Double, StepReport)
  /// An arm has ended.
  case arm(RateSearch.Arm)
}

/// Finds the learning rate of a run: estimates it, begins the run with that rate and with others
/// around it, on the schedule of the whole run, and chooses between them after a
/// quarter of the steps: another rate replaces the one chosen so far if its loss is certainly
/// lower.
///
/// The run continues from the beginning with the chosen rate, bit for bit as if that rate had been
/// set. The other rates are a factor of three apart; more are tried as long as the best is the
/// highest or the lowest. Without dev data, arms are judged by the losses of the second half of
/// their batches, each of which is computed before the step that uses it.
///
/// - Parameters:
///   - settings: the settings of the run; the learning rate is not used.
///   - session: creates a method's part in a run, if it changes which elements train.
///   - effort: the time spent on the run before, which counts as part of it.
///   - shouldStop: called after every step and batch.
/// - Returns: nil if it was stopped. In all cases the model is bit for bit as before.
/// - Throws: `NonFiniteLoss` if all rates diverged.
public func findRate(
  for model: TransformerModel, on data: EncodedDataset, evaluatingOn dev: EncodedDataset?,
  task: any PredictionTask, settings: TrainingSettings,
  session: () -> (any AdaptationSession)? = { nil }, after effort: TrainingEffort? = nil,
  shouldStop: () -> Bool = { false },
  observe: (RateSearchEvent) -> Void = { _ in }
) throws -> RunBeginning? {
  let start = ContinuousClock.now
  let estimate = try RateEstimate.measured(
    of: model, on: data, settings: settings, shouldStop: shouldStop)
  if shouldStop() { return nil }
  observe(.estimated(estimate))
  var race = RateRace(
    model: model, data: data, dev: dev, task: task, settings: settings, effort: effort)
  let first = estimate?.rate ?? RateSearch.usualRate
  while race.steps > 0,
    let rate = RateSearch.nextRate(
      after: race.arms, winner: race.leader?.arm, beginningWith: first)
  {
    guard
      try race.run(rate, session: session(), shouldStop: shouldStop, observe: observe)
    else { return nil }
  }
  if let divergence = race.divergence, race.leader == nil { throw divergence }
  let seconds = (ContinuousClock.now - start) / .seconds(1)
  let search = RateSearch(
    estimate: estimate, arms: race.arms, steps: race.steps, rate: race.leader?.arm.rate ?? first,
    seconds: max(0, seconds - (race.leader?.seconds ?? 0)))
  return RunBeginning(
    search: search, state: race.leader?.state, events: race.leader?.events ?? [])
}

private struct RateRace {
  let model: TransformerModel
  let data: EncodedDataset
  let dev: EncodedDataset?
  let task: any PredictionTask
  let settings: TrainingSettings
  let effort: TrainingEffort?
  /// The number of steps of every arm.
  let steps: Int
  private(set) var arms: [RateSearch.Arm] = []
  /// The arm that would be chosen now: its losses on its batches and on the examples by which arms
  /// are judged, and its end.
  private(set) var leader: Leader?
  private(set) var divergence: NonFiniteLoss?

  struct Leader {
    let arm: RateSearch.Arm
    let losses: [Double]
    let judged: [Double]
    let state: TrainingState
    let events: [TrainingEvent]
    /// The time of its steps.
    let seconds: Double
  }

  init(
    model: TransformerModel, data: EncodedDataset, dev: EncodedDataset?, task: any PredictionTask,
    settings: TrainingSettings, effort: TrainingEffort?
  ) {
    (self.model, self.data, self.dev, self.task) = (model, data, dev, task)
    (self.settings, self.effort) = (settings, effort)
    let quarter = Int(
      RateSearch.share * Double(plannedSteps(data: data, settings: settings)))
    steps = quarter >= RateSearch.leastSteps ? quarter : 0
  }

  /// Runs the arm with this rate. Returns false if it was stopped.
  mutating func run(
    _ rate: Double, session: (any AdaptationSession)?, shouldStop: () -> Bool,
    observe: (RateSearchEvent) -> Void
  ) throws -> Bool {
    let snapshot = ParameterSnapshot(of: model.parameters)
    defer { snapshot.restore() }
    var settings = settings
    settings.learningRate = rate
    var losses: [Double] = []
    var events: [TrainingEvent] = []
    var state: TrainingState?
    var isGivenUp = false
    var judged: [Double] = []
    do {
      let outcome = try train(
        model, on: data, evaluatingOn: dev, task: task, settings: settings, session: session,
        after: effort, pausingAfter: steps, save: { state = $0 },
        shouldStop: {
          isGivenUp = isGivenUp || isHopeless(losses)
          return isGivenUp || shouldStop()
        }
      ) { event in
        events.append(event)
        guard case .step(let report) = event else { return }
        losses.append(report.numbers.loss)
        observe(.step(rate: rate, report))
      }
      if outcome.ending == .interrupted, losses.count < steps, !isGivenUp { return false }
      if let state, !isGivenUp {
        state.restoreValues(in: model)
        try model.readAgain()
        if let dev {
          let found = model.losses(
            on: dev, atMost: RateSearch.rowLimit, shouldStop: shouldStop)
          guard let found else { return false }
          judged = found
        } else {
          judged = losses.suffix(max(1, steps / 2))
        }
      }
    } catch let error as NonFiniteLoss {
      divergence = error
    }
    if !judged.allSatisfy(\.isFinite) { judged = [] }
    let arm = RateSearch.Arm(
      rate: rate, steps: losses.count, loss: judged.isEmpty ? nil : Self.mean(judged))
    arms.append(arm)
    observe(.arm(arm))
    if let state, !judged.isEmpty,
      leader.map({ RateSearch.isBetter(judged, than: $0.judged) }) ?? true
    {
      // An arm that ran out of patience took steps after its last state was saved.
      let events = events.filter { $0.step <= state.step }
      leader = Leader(
        arm: arm, losses: losses, judged: judged, state: state, events: events,
        seconds: state.effort.seconds - (effort?.seconds ?? 0))
    }
    return true
  }

  /// Whether an arm is certain to lose, which is so if the second half of its losses so far is
  /// above the best arm's by four standard errors over the same batches. It is not asked before
  /// halfway.
  private func isHopeless(_ losses: [Double]) -> Bool {
    guard let leader, losses.count >= steps / 2, losses.count.isMultiple(of: RateSearch.leastSteps),
      losses.count >= 4 * RateSearch.leastSteps
    else { return false }
    let differences = Array(zip(losses, leader.losses)).suffix(losses.count / 2).map { $0 - $1 }
    let mean = Self.mean(differences)
    let variance = Self.mean(differences.map { ($0 - mean) * ($0 - mean) })
    return mean > 4 * (variance / Double(differences.count - 1)).squareRoot()
  }

  private static func mean(_ values: some Collection<Double>) -> Double {
    values.reduce(0, +) / Double(values.count)
  }
}

extension TrainingEvent {
  /// The number of steps taken when it occurred.
  fileprivate var step: Int {
    switch self {
    case .step(let report): report.numbers.step
    case .evaluation(let step, _, _): step
    }
  }
}

extension TrainingState {
  /// Sets the trainable elements and values of `model` to those of this state.
  fileprivate func restoreValues(in model: TransformerModel) {
    for entry in model.parameters {
      entry.parameter.restore(elements[entry.parameter.name], values[entry.parameter.name])
    }
  }
}

extension TransformerModel {
  /// The losses of rows of `data` that are evenly spaced in it; nil if it was stopped.
  fileprivate func losses(
    on data: EncodedDataset, atMost limit: Int, shouldStop: () -> Bool
  ) -> [Double]? {
    let count = min(limit, data.count)
    let rows = (0..<count).map { $0 * data.count / count }.sorted {
      (data.lengths[$0], $0) < (data.lengths[$1], $1)
    }
    return frozen {
      var losses: [Double] = []
      for start in stride(from: 0, to: count, by: 32) {
        if shouldStop() { return nil }
        let indices = Array(rows[start..<min(start + 32, count)])
        guard let batch = data.examples(indices, maskingWith: Self.evaluationMasks) else { break }
        let tape = Tape()
        losses +=
          tape.loss(
            self(batch.texts, on: tape), targets: batch.targets, vocabulary: vocabulary
          ).terms
      }
      return losses
    }
  }
}
