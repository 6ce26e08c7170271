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

/// Finds the learning rate of a run: estimates it, begins the run with that rate and with three
/// times of it, on the schedule of the whole run, and compares the two after an eighth of the
/// steps. If the higher one is certainly worse, a third of the estimate is tried as well. What is
/// behind is given up, except for the estimate and for lower rates that are not certainly worse,
/// because high rates are ahead at first. The rest is taken on to a quarter of the steps, where
/// another rate replaces the estimate if its loss is certainly lower, a higher one only if it is
/// lower by a twentieth. An arm with a higher rate than the leader's ends sooner, from a sixteenth
/// of the steps on, if its losses on the same batches leave no doubt.
///
/// The run continues from the beginning with the chosen rate, bit for bit as if that rate had been
/// set. Further rates are tried above the best if it is the highest, and below it if it is the
/// lowest and all higher ones are certainly worse. Arms are judged by the losses of dev rows at the
/// mean of what trained over the second half of their steps; see `ValueAverage`. Without dev data,
/// they are judged by the losses of the second half of their batches, each of which is computed
/// before the step that uses it.
///
/// - Parameters:
///   - settings: the settings of the run; the learning rate is not used.
///   - session: creates a method's part in a run, if it changes which elements train.
///   - collective: the processes that train together, all of which find the rate.
///   - effort: the time spent on the run before, which counts as part of it.
///   - shouldStop: called after every step and batch; of several processes, it must give all of
///     them the same answer.
/// - Returns: nil if it was stopped. In all cases the model is bit for bit as before.
/// - Throws: `NonFiniteLoss` if all rates diverged.
public func findRate(
  for model: TransformerModel, on data: EncodedDataset, evaluatingOn dev: EncodedDataset?,
  task: any PredictionTask, settings: TrainingSettings,
  session: () -> (any AdaptationSession)? = { nil }, collective: any Collective = Alone(),
  after effort: TrainingEffort? = nil, shouldStop: () -> Bool = { false },
  observe: (RateSearchEvent) -> Void = { _ in }
) throws -> RunBeginning? {
  let start = ContinuousClock.now
  let estimate = try RateEstimate.measured(
    of: model, on: data, settings: settings, shouldStop: shouldStop)
  if shouldStop() { return nil }
  observe(.estimated(estimate))
  var race = RateRace(
    model: model, data: data, dev: dev, task: task, settings: settings, collective: collective,
    effort: effort)
  let first = estimate?.rate ?? RateSearch.usualRate
  guard
    try race.run(
      beginningWith: first, session: session, shouldStop: shouldStop, observe: observe)
  else { return nil }
  if let divergence = race.divergence, race.leader == nil { throw divergence }
  let seconds = (ContinuousClock.now - start) / .seconds(1)
  let leader = race.leader
  let search = RateSearch(
    estimate: estimate, arms: race.arms, steps: leader?.arm.steps ?? 0,
    rate: leader?.arm.rate ?? first, seconds: max(0, seconds - (leader?.seconds ?? 0)))
  return RunBeginning(search: search, state: leader?.state, events: leader?.events ?? [])
}

private struct RateRace {
  let model: TransformerModel
  let data: EncodedDataset
  let dev: EncodedDataset?
  let task: any PredictionTask
  let settings: TrainingSettings
  let collective: any Collective
  let effort: TrainingEffort?
  /// The steps after which arms are compared, ascending; empty for a run that is too short.
  let rounds: [Int]
  private var runners: [Runner] = []
  private var leading: Int?
  private(set) var divergence: NonFiniteLoss?

  /// An arm with all that is needed to continue it.
  struct Runner {
    var arm: RateSearch.Arm
    /// The losses on its batches.
    var losses: [Double] = []
    /// The losses on the examples by which arms are compared; empty if it diverged or was given up.
    var judged: [Double] = []
    /// Whether it ended before it was judged, because it was hopelessly behind the leader.
    var isGivenUp = false
    var state: TrainingState?
    var events: [TrainingEvent] = []
    /// The time of its steps.
    var seconds = 0.0
  }

  init(
    model: TransformerModel, data: EncodedDataset, dev: EncodedDataset?, task: any PredictionTask,
    settings: TrainingSettings, collective: any Collective, effort: TrainingEffort?
  ) {
    (self.model, self.data, self.dev, self.task) = (model, data, dev, task)
    (self.settings, self.collective, self.effort) = (settings, collective, effort)
    let total = Double(plannedSteps(data: data, settings: settings))
    rounds = RateSearch.shares.map { Int($0 * total) }.filter { $0 >= RateSearch.leastSteps }
  }

  /// All arms in the order in which they began.
  var arms: [RateSearch.Arm] { runners.map(\.arm) }

  /// The arm that would be chosen now; nil if none has a result.
  var leader: Runner? { leading.map { runners[$0] } }

  /// Runs the race. Returns false if it was stopped.
  mutating func run(
    beginningWith first: Double, session: () -> (any AdaptationSession)?, shouldStop: () -> Bool,
    observe: (RateSearchEvent) -> Void
  ) throws -> Bool {
    guard let early = rounds.first, let late = rounds.last else { return true }
    func take(_ index: Int, to end: Int) throws -> Bool {
      try advance(
        index, to: end, session: session(), shouldStop: shouldStop, observe: observe)
    }
    // The first arm with a result is compared with its neighbours.
    while let rate = nextRate(
      around: runners.first { $0.arm.loss != nil }, after: early, beginningWith: first)
    {
      guard try take(begin(rate), to: early) else { return false }
    }
    let rest = survivors
    let end = rest.count > 1 ? late : early
    if end > early {
      leading = nil
      for index in rest { guard try take(index, to: end) else { return false } }
    }
    while let rate = nextRate(around: leader, after: end, beginningWith: first) {
      guard try take(begin(rate), to: end) else { return false }
    }
    return true
  }

  private func nextRate(
    around runner: Runner?, after steps: Int, beginningWith first: Double
  ) -> Double? {
    let isBoundedAbove = !runners.contains { other in
      guard let runner, other.arm.steps == steps, !other.judged.isEmpty else { return false }
      return other.arm.rate > runner.arm.rate
        && !RateSearch.isBetter(runner.judged, than: other.judged)
    }
    return RateSearch.nextRate(
      after: arms, winner: runner?.arm, isBoundedAbove: isBoundedAbove, beginningWith: first)
  }

  /// The arms to take on: the first with a result, the leader, and those with lower rates than the
  /// leader's that are not certainly worse. A higher rate that is not ahead now will not be later.
  private var survivors: [Int] {
    guard let leader else { return [] }
    let results = runners.indices.filter { !runners[$0].judged.isEmpty }
    return results.filter { index in
      let runner = runners[index]
      return index == results[0] || index == leading
        || runner.arm.rate < leader.arm.rate
          && !RateSearch.isBetter(leader.judged, than: runner.judged)
    }
  }

  /// Adds an arm and returns its index.
  private mutating func begin(_ rate: Double) -> Int {
    runners.append(Runner(arm: RateSearch.Arm(rate: rate, steps: 0, loss: nil)))
    return runners.count - 1
  }

  /// Makes an arm the leader if there is none, or if it is certainly better: a higher rate by
  /// enough to be worth its risk.
  private mutating func compare(_ index: Int) {
    let runner = runners[index]
    guard !runner.judged.isEmpty else { return }
    let replaces = leader.map { leader in
      let share = runner.arm.rate > leader.arm.rate ? RateSearch.leastGain : 1
      return RateSearch.isBetter(runner.judged, than: leader.judged)
        && Self.mean(runner.judged) <= share * Self.mean(leader.judged)
    }
    if replaces ?? true { leading = index }
  }

  /// Takes an arm on to a step, judges it and compares it with the leader. Returns false if it was
  /// stopped.
  private mutating func advance(
    _ index: Int, to end: Int, session: (any AdaptationSession)?, shouldStop: () -> Bool,
    observe: (RateSearchEvent) -> Void
  ) throws -> Bool {
    let snapshot = ParameterSnapshot(of: model.parameters)
    defer { snapshot.restore() }
    var runner = runners[index]
    var settings = settings
    settings.learningRate = runner.arm.rate
    var average = ValueAverage()
    runner.judged = []
    let rival = leader.flatMap { $0.arm.rate < runner.arm.rate ? $0.losses : nil }
    do {
      let outcome = try train(
        model, on: data, evaluatingOn: dev, task: task, settings: settings, session: session,
        collective: collective, after: effort, from: runner.state, pausingAfter: end,
        save: { runner.state = $0 },
        shouldStop: { runner.isGivenUp || shouldStop() }
      ) { event in
        runner.events.append(event)
        guard case .step(let report) = event else { return }
        runner.losses.append(report.numbers.loss)
        let step = runner.losses.count
        if step > end / 2, (end - step).isMultiple(of: max(1, end / RateSearch.averagedValues)) {
          average.add(model)
        }
        observe(.step(rate: settings.learningRate, report))
        if let rival, step >= rounds[0] / 2, step < end {
          runner.isGivenUp = RateSearch.isHopeless(runner.losses, beside: rival)
        }
      }
      if outcome.ending == .interrupted, runner.losses.count < end, !runner.isGivenUp {
        return false
      }
      if let state = runner.state, !runner.isGivenUp {
        state.restoreValues(in: model)
        average.install()
        try model.readAgain()
        if let dev {
          let limits = RateSearch.rowLimits
          let limit = end == rounds.last ? limits.late : limits.early
          let found = model.losses(
            on: dev, atMost: limit, precision: settings.precision, shouldStop: shouldStop)
          guard let found else { return false }
          runner.judged = found
        } else {
          runner.judged = runner.losses.suffix(max(1, end / 2))
        }
        // An arm that ran out of patience took steps after its last state was saved.
        runner.events = runner.events.filter { $0.step <= state.step }
        runner.seconds = state.effort.seconds - (effort?.seconds ?? 0)
      }
    } catch let error as NonFiniteLoss {
      divergence = error
    }
    if !runner.judged.allSatisfy(\.isFinite) { runner.judged = [] }
    runner.arm = RateSearch.Arm(
      rate: runner.arm.rate, steps: runner.losses.count,
      loss: runner.judged.isEmpty ? nil : Self.mean(runner.judged))
    runners[index] = runner
    compare(index)
    observe(.arm(runner.arm))
    return true
  }

  private static func mean(_ values: some Collection<Double>) -> Double {
    values.reduce(0, +) / Double(values.count)
  }
}

extension TrainingEvent {
  /// The number of steps taken when it was reported.
  fileprivate var step: Int {
    switch self {
    case .step(let report): report.numbers.step
    case .evaluation(let step, _, _): step
    // It belongs to the step that follows.
    case .reselection(let step, _): step + 1
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
    on data: EncodedDataset, atMost limit: Int, precision: Precision, shouldStop: () -> Bool
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
        let tape = Tape(precision: precision)
        losses +=
          tape.loss(
            self(batch.texts, on: tape), targets: batch.targets, vocabulary: vocabulary
          ).terms
      }
      return losses
    }
  }
}
