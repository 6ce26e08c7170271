import Foundation
import PEFTModels
import PEFTNetwork
import PEFTRuns
import PEFTSelect
import PEFTTensor
import PEFTTrain

/// The settings for measuring a model's influence on a task.
public struct InfluenceSettings: Sendable {
  /// The rule that forms the groups.
  public var rule = GroupingRule.kindByLayer
  /// Adapters as candidates in addition to the groups.
  public var candidates: AdapterCandidates?
  /// The settings of the probe.
  public var probe = ProbeSettings()
  /// The rule by which slope and curvature become a value.
  public var value = InfluenceRule.trustRegion(reach: 1e-3)
  /// How probes are combined into one estimate.
  public var aggregation = ProbeAggregation.ratioOfMeans
  /// The number of steps of the head alone before the first gradient.
  ///
  /// With a newly initialised head, the residual term of the Hessian dominates, and a curvature
  /// without it means little; see <doc:MeasuringAndPlanning>.
  public var headSteps = 80
  /// The learning rate of these steps.
  public var headLearningRate = 5e-3
  /// The number of steps of all parameters after the head's, so that slopes are those of a model
  /// that has begun to learn; 0 probes the model as loaded.
  public var warmSteps = 0
  /// The learning rate of these steps.
  public var warmLearningRate = 2e-4
  /// The agreement of gradients below which these steps are made; nil makes them in any case.
  ///
  /// The agreement is judged after the first batches of a direction and when that is complete, so
  /// slopes that are noise cost no more than the gradients of a direction; see
  /// `ProbeOutcome.agreement`.
  public var warmBelow: Double?
  /// The rule for ending probing once the selection under a budget is stable; if nil, all probes
  /// are made.
  public var settled: SettledSelection?

  /// The default settings.
  public init() {}
}

extension ProbeSettings {
  /// The remedy for a probe that met a loss that is not finite.
  fileprivate var remedyOfDivergence: String {
    switch path {
    case .held: "use `precision` fp32, check that the model's weights are finite"
    case .training: "lower `probe-learning-rate`"
    }
  }
}

/// An event that a measurement reports.
public enum InfluenceEvent {
  /// A message for the user.
  case note(String)
  /// A step of the head alone.
  case head(StepReport)
  /// A step of all parameters after the head's.
  case warm(StepReport)
  /// The number of batches whose gradients are in the direction, out of the planned number.
  case direction(done: Int, of: Int)
  /// The number of finished probes, out of the planned number.
  case probe(done: Int, of: Int)
}

extension PreparedJob {
  /// Measures the influence of every group of the model on its training data.
  ///
  /// The head is first trained alone. Batches have the size of training batches and come from their
  /// own permutation, a function of (seed, pass). On return, the model is bit for bit unchanged.
  ///
  /// - Parameters:
  ///   - output: the directory in which the state is saved, so that an interrupted probe can be
  ///     resumed; if nil, nothing is saved. After writing the results, call
  ///     `CheckpointStore.remove`.
  ///   - resuming: whether to continue from a state there; if there is none, the probe begins.
  ///   - collective: the processes that share the probes, all of which return the same. The first
  ///     alone has an `output`.
  ///   - place: the path of that directory, from which the others read the state to resume from.
  ///   - shouldStop: called after every batch; true ends the measurement with the results so far,
  ///     marked as incomplete.
  /// - Returns: nil if it was stopped before the first probe.
  public func measureInfluence(
    _ settings: InfluenceSettings, savingIn output: OutputDirectory? = nil, resuming: Bool = false,
    collective: any Collective = Alone(), resumingFrom place: String? = nil,
    shouldStop isAsked: () -> Bool = { false }, observe: (InfluenceEvent) -> Void = { _ in }
  ) throws -> Influence? {
    /// Whether any process was asked to stop.
    func shouldStop() -> Bool {
      collective.count == 1 ? isAsked() : (try? collective.any(isAsked())) ?? true
    }
    let clock = ContinuousClock()
    var start = clock.now
    try shareValues(
      of: model.parameters.filter { $0.kind != .head }.map(\.parameter),
      precision: settings.probe.precision, over: collective)
    let snapshot = ParameterSnapshot(of: model.parameters)
    defer {
      model.detachAdapters()
      snapshot.restore()
    }
    _ = try grouping(settings)
    try memoryForecast(settings).check()
    let modelFiles = try files.digests()
    let recipe = try job.recipe(settings, of: inputs)
    var checkpoints = try (output?.path ?? place).flatMap {
      try resuming ? CheckpointStore<ProbeCheckpoint>.open($0, recipe: recipe) : nil
    }
    let newest = try checkpoints?.load(for: checkpointSubject(settings))
    try check(newest?.state, over: collective)
    if let warning = newest?.warning { observe(.note(warning)) }
    let saved = newest?.state
    checkpoints =
      checkpoints ?? output.map { CheckpointStore(directory: $0.path, recipe: recipe) }
    var earlierBatches = saved?.earlierBatches
    let warmsFirst =
      settings.warmSteps > 0 && (settings.warmBelow == nil || earlierBatches != nil)
    if let saved, !warmsFirst {
      for (parameter, value) in zip(model.taskParameters, saved.head) { parameter.value = value }
      start -= .seconds(saved.seconds)
    } else {
      // A warm-up of all parameters is not saved in the state, so it is repeated.
      if let saved { start -= .seconds(saved.seconds - saved.headSeconds) }
      guard try warmHead(settings, shouldStop: shouldStop, observe: observe),
        try !warmsFirst || warmAll(settings, shouldStop: shouldStop, observe: observe)
      else { return nil }
    }
    var headSeconds = saved?.headSeconds ?? (clock.now - start) / .seconds(1)
    let plan = probeBatchPlan(settings)
    var probeSettings = settings.probe
    probeSettings.probeCount = plan.probeCount
    probeSettings.differentBatches = plan.directionPart
    var watch = SelectionWatch(settings.settled)
    var isSettled = false
    /// Probes the model as it is, from `state`. The second result is the agreement of gradients
    /// that ended it.
    func probed(from state: ProbeState?) throws -> (ProbeOutcome, disagreement: Double?) {
      let head = model.taskParameters.map(\.value)
      attachCandidates(settings)
      let objective = ModelObjective(model, lossShape: job.settings.lossShape)
      let grouping = try ParameterGrouping(
        objective.parameters, by: settings.rule, candidates: settings.candidates)
      var disagreement: Double?
      let outcome = try probe(
        objective, groupings: [grouping], settings: probeSettings, from: state, over: collective,
        batch: { probeBatch($0, by: plan) },
        save: { state in
          guard let output else { return }
          try checkpoints?.save(
            ProbeCheckpoint(
              state: state, names: objective.parameters.map(\.parameter.name), head: head,
              seconds: (clock.now - start) / .seconds(1), headSeconds: headSeconds,
              earlierBatches: earlierBatches),
            into: output)
        }
      ) { event in
        switch event {
        case .direction(let done, let count): observe(.direction(done: done, of: count))
        case .agreement(let agreement):
          guard let agreement, let least = settings.warmBelow, settings.warmSteps > 0,
            earlierBatches == nil, agreement < least
          else { break }
          disagreement = agreement
          return false
        case .probe(let done, let count, let outcomes):
          observe(.probe(done: done, of: count))
          if watch.isSettled(outcomes[0], rule: settings.value, aggregation: settings.aggregation) {
            isSettled = true
            return false
          }
        }
        return !shouldStop()
      }[0]
      return (outcome, disagreement)
    }
    var (outcome, disagreement) = try probed(from: saved?.state)
    if let disagreement {
      observe(
        .note(
          "the gradients of different batches hardly agree (cosine "
            + String(format: "%.2f", disagreement) + "), so groups cannot be told apart yet: "
            + "training everything for \(settings.warmSteps) steps before the probe"))
      earlierBatches = outcome.batchCounts.direction
      model.detachAdapters()
      let warmStart = clock.now
      guard try warmAll(settings, shouldStop: shouldStop, observe: observe) else { return nil }
      headSeconds += (clock.now - warmStart) / .seconds(1)
      outcome = try probed(from: nil).0
    }
    if let step = outcome.divergedStep {
      throw NonFiniteLoss(
        step: step, loss: .nan, parameter: nil, remedy: settings.probe.remedyOfDivergence)
    }
    guard !outcome.records.isEmpty else { return nil }
    var influence = Influence(
      of: model, in: absolutePath(job.modelDirectory),
      modelFiles: modelFiles, settings: settings,
      outcome: outcome,
      isComplete: outcome.isComplete || isSettled,
      cost: Influence.Cost(
        headSteps: model.taskParameters.isEmpty ? 0 : settings.headSteps,
        warmSteps: warmsFirst || earlierBatches != nil ? settings.warmSteps : 0,
        headSeconds: headSeconds,
        directionBatches: outcome.batchCounts.direction + (earlierBatches ?? 0),
        probeBatches: outcome.batchCounts.probe,
        seconds: (clock.now - start) / .seconds(1), trainingBatches: plan.batchCount))
    influence.recipe = recipe
    return influence
  }

  /// Throws unless all processes resume from the same state.
  private func check(_ state: ProbeCheckpoint?, over collective: any Collective) throws {
    guard collective.count > 1 else { return }
    let all = try collective.gather(
      [state?.state.directionBatches ?? -1, state?.state.probesDone ?? -1].map { Double($0) })
    guard let rank = all.firstIndex(where: { $0 != all[0] }) else { return }
    throw FileError(
      .malformed, path: ProbeCheckpoint.manifestName,
      reason: "rank \(rank) does not see the checkpoint from which rank 0 resumes",
      remedy: "put the probe on a file system that all machines share")
  }

  /// The subject of a probe's states: the model with the candidates, which are then detached again.
  private func checkpointSubject(_ settings: InfluenceSettings) throws -> ProbeCheckpoint.Subject {
    attachCandidates(settings)
    defer { model.detachAdapters() }
    let grouping = try ParameterGrouping(
      model.parameters, by: settings.rule, candidates: settings.candidates)
    return ProbeCheckpoint.Subject(
      parameters: model.parameters, head: model.taskParameters, groupCount: grouping.count,
      path: settings.probe.path)
  }

  private func attachCandidates(_ settings: InfluenceSettings) {
    guard let candidates = settings.candidates else { return }
    SelectedTuning.attachCandidates(
      candidates, to: model, using: SeededGenerator(seed: job.settings.seed, purpose: "weights"))
  }

  /// Throws if the model has no such groups, if they have too many pairs for interactions, or if
  /// nothing can be selected from them under a budget.
  ///
  /// - Parameter budgets: numbers of parameters, including the head.
  public func check(_ settings: InfluenceSettings, budgets: [Int] = []) throws {
    let groups = try grouping(settings).groups
    for budget in budgets { try Selection.check(budget, for: groups) }
  }

  /// The groups that a probe measures.
  private func grouping(_ settings: InfluenceSettings) throws -> ParameterGrouping {
    let grouping = try ParameterGrouping(
      model.parameters, by: settings.rule, candidates: settings.candidates)
    if settings.probe.interactions, grouping.count > OneWalkProbe.interactionLimit {
      throw InvalidSetting(
        setting: "interactions",
        "\(grouping.count) groups have too many pairs; group more coarsely, into at most "
          + "\(OneWalkProbe.interactionLimit)")
    }
    return grouping
  }

  /// The memory of a probe, in which every parameter trains: the activations of a training step,
  /// the sums of gradients and of their squares, and a direction. A probe along a training run also
  /// needs that run's gradients and optimizer.
  package func memoryForecast(_ settings: InfluenceSettings) -> MemoryForecast {
    let marks = model.parameters.map(\.parameter.trains)
    for entry in model.parameters { entry.parameter.trains = .all }
    defer {
      for (entry, mark) in zip(model.parameters, marks) { entry.parameter.trains = mark }
    }
    var training = job.settings
    training.usesDropout = false
    training.recomputesLayers = false
    training.precision = settings.probe.precision
    var memory = memoryForecast(
      of: "probing", settings: training, evaluates: false,
      remedy: "lower `batch-size` or `max-length`, or use a smaller model")
    let parameterBytes = 4 * model.parameterCount
    memory[.moments] = 2 * parameterBytes
    memory[.direction] = parameterBytes
    switch settings.probe.path {
    // The optimizer of a warm-up is freed before the sums, which take the same memory, are
    // allocated, and the gradients before the direction.
    case .held:
      (memory[.gradients], memory[.optimizer]) = (0, 0)
      memory[.snapshot] = settings.warmSteps > 0 ? parameterBytes : 0
    case .training: memory[.snapshot] = parameterBytes
    }
    return memory
  }

  /// Trains the head alone, if the model has one. Returns false if it was stopped.
  func warmHead(
    _ settings: InfluenceSettings, shouldStop: () -> Bool, observe: (InfluenceEvent) -> Void
  ) throws -> Bool {
    HeadTuning().attach(to: model, using: SeededGenerator(seed: 0, purpose: "unused"))
    var training = job.settings
    training.precision = settings.probe.precision
    return try HeadTraining(steps: settings.headSteps, learningRate: settings.headLearningRate)
      .run(model, on: train, settings: training, shouldStop: shouldStop) { observe(.head($0)) }
  }

  /// Trains all parameters. Returns false if it was stopped.
  private func warmAll(
    _ settings: InfluenceSettings, shouldStop: () -> Bool, observe: (InfluenceEvent) -> Void
  ) throws -> Bool {
    guard settings.warmSteps > 0 else { return true }
    return try warm(
      FullTuning(), steps: settings.warmSteps, rate: settings.warmLearningRate,
      precision: settings.probe.precision, shouldStop: shouldStop
    ) { observe(.warm($0)) }
  }
}

extension TrainingJob {
  /// Throws if a probe was made with other settings or files, and names the first difference.
  public func check(
    _ influence: Influence, isOf settings: InfluenceSettings, on inputs: TrainingInputs,
    path: String
  ) throws(FileError) {
    try Recipe.check(influence.recipe ?? [:], is: recipe(settings, of: inputs), path: path)
  }

  /// Everything that distinguishes this probe: settings and digests of its inputs.
  package func recipe(
    _ settings: InfluenceSettings, of inputs: TrainingInputs
  ) throws(FileError) -> JSONObject {
    var recipe = try self.recipe(of: inputs)
    recipe["probe"] = .object(settings.json)
    return recipe
  }
}

/// Detects that the selection under a budget no longer changes.
private struct SelectionWatch {
  private let rule: SettledSelection?
  private var last: [Int] = []
  private var repeats = 0

  init(_ rule: SettledSelection?) { self.rule = rule }

  mutating func isSettled(
    _ outcome: ProbeOutcome, rule value: InfluenceRule, aggregation: ProbeAggregation
  ) -> Bool {
    guard let rule else { return false }
    let estimate = InfluenceEstimate(outcome.records, rule: value, aggregation: aggregation)
    guard
      let selection = try? Selection.solve(
        outcome.grouping.groups, values: estimate.values, budget: rule.budget
      ).outcome.selection
    else { return false }
    repeats = selection == last ? repeats + 1 : 1
    last = selection
    return repeats >= rule.probes
  }
}
