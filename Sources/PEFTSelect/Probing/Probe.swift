import PEFTNetwork
import PEFTTensor

/// The result of probing for one grouping.
public struct ProbeOutcome: Sendable {
  /// The groups.
  public let grouping: ParameterGrouping
  /// The records of the probes, in order.
  public internal(set) var records: [ProbeRecord] = []
  /// The interaction matrix A [K, K], row-major, the mean over all probed examples; nil if it was
  /// not requested or there are too many groups.
  public internal(set) var interactions: [Double]?
  /// Simple predictors computed from the same gradients.
  public internal(set) var predictors: BaselinePredictors
  /// The number of batches whose gradients determined the direction, and the number of batches
  /// probed.
  public internal(set) var batchCounts: (direction: Int, probe: Int) = (0, 0)
  /// How far the gradients of the direction's batches agree: the cosine that the mean gradients of
  /// two halves of them are expected to have, over all parameters but head and adapters. Nil along
  /// a training run, and for fewer than two batches.
  public internal(set) var agreement: Double?
  /// For each weight of which candidates train single elements, by name, the row-major positions
  /// of those with the largest mean gradients, the largest first.
  public internal(set) var elements: [String: [Int]] = [:]
  /// Whether probing completed rather than being stopped.
  public internal(set) var isComplete = true
  /// The number, from 1, of the batch whose loss or gradient was not finite and ended probing; nil
  /// if there was none.
  ///
  /// Along a training run it is the step that was not taken; otherwise it is a batch that
  /// determines the direction.
  public internal(set) var divergedStep: Int?
}

/// Progress of probing.
public enum ProbeEvent {
  /// The gradients of `done` of `of` batches have been added to the direction.
  case direction(done: Int, of: Int)
  /// The agreement of gradients, see `ProbeOutcome.agreement`: what the whole direction is expected
  /// to have, after its first eight batches if there are more, and what it has when it is complete.
  case agreement(Double?)
  /// `done` of `of` probes are complete, with the outcomes so far.
  case probe(done: Int, of: Int, [ProbeOutcome])
}

/// The state of probing between two batches: everything that the rest depends on apart from
/// objective, groupings and settings.
public struct ProbeState: Sendable {
  /// The number of batches whose gradients are in the sums.
  public let directionBatches: Int
  /// The sum of the gradients of each parameter over these batches.
  public let sums: [Tensor]
  /// The sums of the squared gradients.
  public let squares: [Tensor]
  /// For each grouping, the records of the completed probes.
  public let records: [[ProbeRecord]]
  /// For each grouping, the interaction matrix so far.
  public let interactions: [[Double]?]
  /// The training run along which it probes; nil if all probes are made at the starting point.
  public let training: Training?

  /// The state of a training run after as many steps as there are direction batches.
  public struct Training: Sendable {
    /// The values of the parameters.
    public let values: [Tensor]
    /// The state of the optimizer.
    public let optimizer: OptimizerState

    /// Creates a state from its parts.
    public init(values: [Tensor], optimizer: OptimizerState) {
      self.values = values
      self.optimizer = optimizer
    }
  }

  /// Creates a state from its parts.
  public init(
    directionBatches: Int, sums: [Tensor], squares: [Tensor], records: [[ProbeRecord]],
    interactions: [[Double]?], training: Training? = nil
  ) {
    self.training = training
    self.directionBatches = directionBatches
    self.sums = sums
    self.squares = squares
    self.records = records
    self.interactions = interactions
  }

  /// The number of completed probes.
  public var probesDone: Int { records.first?.count ?? 0 }
}

/// Measures the influence of every group.
///
/// When it returns, the parameters, their trainable elements and everything else of the objective
/// are as before, bit for bit, on either path. A probe can be stopped and resumed from a state, and
/// gives the same bits as an uninterrupted one; `observe` is called again for the probes that were
/// already done.
///
/// Several processes may share the probes at a starting point. All of them compute the direction,
/// and all get all records, so the outcomes and states have the same bits in every process, and for
/// any number of them. `observe` must return the same in all.
///
/// - Parameters:
///   - state: the state from which to resume; nil starts from the beginning.
///   - collective: the processes that share the probes.
///   - batch: returns the independent batch with the given number, counted from 0.
///   - save: receives the state after every probe. At the starting point it also receives the state
///     when the direction is complete or probing is stopped before.
///   - observe: receives progress; returning false stops probing after the current probe.
/// - Returns: one outcome for each grouping.
public func probe<O: Objective>(
  _ objective: O, groupings: [ParameterGrouping], settings: ProbeSettings,
  from state: ProbeState? = nil, over collective: any Collective, batch: (Int) -> O.Batch,
  save: (ProbeState) throws -> Void = { _ in }, observe: (ProbeEvent) -> Bool = { _ in true }
) throws -> [ProbeOutcome] {
  let snapshot = ParameterSnapshot(of: objective.parameters)
  defer { snapshot.restore() }
  for entry in objective.parameters {
    entry.parameter.trains = .all
  }
  var run = ProbeRun(
    objective: objective, groupings: groupings, settings: settings, collective: collective)
  switch settings.path {
  case .held(let count):
    try run.hold(directionBatches: count, from: state, batch, save, observe)
  case .training(let steps, let period, let rate):
    try run.follow(
      steps: steps, period: period, learningRate: rate, from: state, batch, save, observe)
  }
  run.setPredictors()
  return run.outcomes
}

/// Measures the influence of every group in one process.
///
/// See `probe(_:groupings:settings:from:over:batch:save:observe:)`.
public func probe<O: Objective>(
  _ objective: O, groupings: [ParameterGrouping], settings: ProbeSettings,
  from state: ProbeState? = nil, batch: (Int) -> O.Batch, save: (ProbeState) -> Void = { _ in },
  observe: (ProbeEvent) -> Bool = { _ in true }
) -> [ProbeOutcome] {
  do {
    return try probe(
      objective, groupings: groupings, settings: settings, from: state, over: Alone(),
      batch: batch, save: save, observe: observe)
  } catch {
    preconditionFailure("probe: a single process missed another: \(error)")
  }
}

private struct ProbeRun<O: Objective> {
  let objective: O
  let settings: ProbeSettings
  let collective: any Collective
  let parameters: [ModelParameter]
  let gradients: GradientAccumulator
  var moments: MomentAverages
  var outcomes: [ProbeOutcome]

  init(
    objective: O, groupings: [ParameterGrouping], settings: ProbeSettings,
    collective: any Collective
  ) {
    self.objective = objective
    self.settings = settings
    self.collective = collective
    parameters = objective.parameters
    gradients = GradientAccumulator(precision: settings.precision)
    moments = MomentAverages(parameters)
    let parameters = parameters
    outcomes = groupings.map {
      ProbeOutcome(
        grouping: $0,
        predictors: BaselinePredictors($0, parameters: parameters, seed: settings.seed))
    }
  }

  /// Makes all probes at the starting point.
  mutating func hold(
    directionBatches: Int, from state: ProbeState?, _ batch: (Int) -> O.Batch,
    _ save: (ProbeState) throws -> Void, _ observe: (ProbeEvent) -> Bool
  ) throws {
    if let state { restoreMoments(of: state) }
    for index in moments.batchCount..<directionBatches {
      // Before a batch, so that a probe that is resumed from here judges it as well.
      if index == Self.earlyBatches,
        !observe(.agreement(setAgreement(of: directionBatches)))
      {
        try save(self.state)
        return stop()
      }
      guard accumulateGradient(batch(index), step: index + 1) else { return stop() }
      guard observe(.direction(done: index + 1, of: directionBatches)) else {
        try save(self.state)
        return stop()
      }
    }
    if state?.directionBatches != directionBatches { try save(self.state) }
    // The direction can take their memory: a probe contracts gradients without forming them.
    gradients.reset()
    guard observe(.agreement(setAgreement(of: directionBatches))) else { return stop() }
    let directions = moments.directions(
      settings.direction, epsilon: settings.optimizer.epsilon)
    let elements = chooseElements()
    let first = settings.probeBatches == .fresh ? directionBatches : 0
    let count = settings.probeBatches == .fresh ? settings.probeCount : directionBatches
    func isStopped(after index: Int) -> Bool {
      !observe(.probe(done: index + 1, of: count, outcomes))
    }
    let done = min(count, state?.probesDone ?? 0)
    for index in 0..<done {
      if let state { take(probe: index, of: state) }
      if isStopped(after: index) { return index + 1 == count ? () : stop() }
    }
    for start in stride(from: done, to: count, by: collective.count) {
      let mine = start + collective.rank
      let measured =
        mine < count
        ? measured(batch(first + mine), along: directions, elements, index: mine) : []
      let all = try gathered(measured)
      for index in start..<min(count, start + collective.count) {
        add(all[index - start])
        try save(self.state)
        if isStopped(after: index) { return index + 1 == count ? () : stop() }
      }
    }
  }

  /// The number of batches of a direction after which its agreement is foreseen.
  private static var earlyBatches: Int { 8 }

  /// Sets the agreement that a direction of so many batches is expected to have.
  private mutating func setAgreement(of directionBatches: Int) -> Double? {
    let agreement = moments.agreement(
      different: settings.differentBatches, of: directionBatches)
    for index in outcomes.indices { outcomes[index].agreement = agreement }
    return agreement
  }

  /// The results of every process, of which those with the highest ranks may have none.
  private func gathered(_ mine: [ProbeResult]) throws -> [[ProbeResult]] {
    guard collective.count > 1 else { return [mine] }
    let bytes = mine.flatMap(\.numbers).withUnsafeBytes { Array($0) }
    return try collective.gather(bytes: bytes).map { bytes in
      var numbers = bytes.withUnsafeBytes { bytes in
        (0..<bytes.count / MemoryLayout<Double>.stride).map {
          bytes.loadUnaligned(fromByteOffset: MemoryLayout<Double>.stride * $0, as: Double.self)
        }[...]
      }
      guard !numbers.isEmpty else { return [] }
      return outcomes.map {
        ProbeResult(taking: &numbers, groupCount: $0.grouping.count)
      }
    }
  }

  /// Probes along a training run.
  mutating func follow(
    steps: Int, period: Int, learningRate: Double, from state: ProbeState?,
    _ batch: (Int) -> O.Batch, _ save: (ProbeState) throws -> Void,
    _ observe: (ProbeEvent) -> Bool
  ) throws {
    var optimizer = AdamW(
      parameters: parameters.map(\.parameter), settings: settings.optimizer)
    let isFresh = settings.probeBatches == .fresh
    let count = steps / period
    if let state, let training = state.training {
      restoreMoments(of: state)
      for (entry, value) in zip(parameters, training.values) { entry.parameter.value = value }
      optimizer.state = training.optimizer
      for index in 0..<state.probesDone {
        take(probe: index, of: state)
        guard observe(.probe(done: index + 1, of: count, outcomes)) else {
          return index + 1 == count ? () : stop()
        }
      }
    }
    let done = moments.batchCount
    var next = done + (isFresh ? done / period : 0)
    for step in done..<max(done, steps) {
      let current = batch(next)
      next += 1
      guard accumulateGradient(current, step: step + 1) else { return stop() }
      let isProbed = (step + 1).isMultiple(of: period)
      if isProbed {
        let directions = directions(of: optimizer)
        let probed = isFresh ? batch(next) : current
        if isFresh { next += 1 }
        add(measured(probed, along: directions, chooseElements(), index: step / period))
      }
      optimizer.step(gradients: gradients, learningRate: learningRate, gradientScale: 1)
      guard isProbed else {
        guard observe(.direction(done: step + 1, of: steps)) else { return stop() }
        continue
      }
      try save(self.state(optimizer))
      let probes = (step + 1) / period
      guard observe(.probe(done: probes, of: count, outcomes)) else {
        return probes == count ? () : stop()
      }
    }
  }

  /// Chooses the elements that candidates train, by the gradients so far.
  private mutating func chooseElements() -> [Parameter: [Int]] {
    let elements = moments.elements(for: outcomes.map(\.grouping))
    for index in outcomes.indices {
      outcomes[index].elements = Dictionary(
        uniqueKeysWithValues: elements.map { ($0.key.name, $0.value) })
    }
    return elements
  }

  private mutating func restoreMoments(of state: ProbeState) {
    moments = MomentAverages(
      parameters, sums: state.sums, squares: state.squares, batchCount: state.directionBatches)
    for index in outcomes.indices {
      outcomes[index].batchCounts.direction = state.directionBatches
    }
  }

  mutating func setPredictors() {
    for index in outcomes.indices {
      outcomes[index].predictors.setNorms(of: moments, grouping: outcomes[index].grouping)
    }
  }

  private var state: ProbeState { state(nil) }

  private func state(_ optimizer: AdamW?) -> ProbeState {
    ProbeState(
      directionBatches: moments.batchCount, sums: moments.sums, squares: moments.squares,
      records: outcomes.map(\.records), interactions: outcomes.map(\.interactions),
      training: optimizer.map {
        ProbeState.Training(values: parameters.map(\.parameter.value), optimizer: $0.state)
      })
  }

  /// Takes the results of a probe that a saved state already holds.
  private mutating func take(probe index: Int, of state: ProbeState) {
    for position in outcomes.indices {
      outcomes[position].records.append(state.records[position][index])
      outcomes[position].batchCounts.probe += 1
      outcomes[position].interactions = state.interactions[position]
    }
  }

  private mutating func stop() {
    for index in outcomes.indices { outcomes[index].isComplete = false }
  }

  /// The direction of the next update for the current gradients.
  private func directions(of optimizer: AdamW) -> [Parameter: Tensor] {
    var result: [Parameter: Tensor] = [:]
    for entry in parameters {
      guard let gradient = gradients[entry.parameter] else { continue }
      result[entry.parameter] =
        settings.direction == .adamw
        ? optimizer.updateDirection(of: entry.parameter, gradient: gradient) : gradient
    }
    return result
  }

  /// Adds the gradient of a batch. If loss or gradient is not finite, records this in the outcomes
  /// and returns false.
  private mutating func accumulateGradient(_ batch: O.Batch, step: Int) -> Bool {
    gradients.reset()
    let tape = Tape(precision: settings.precision)
    let loss = objective.loss(objective.outputs(of: batch, on: tape), of: batch, on: tape)
    tape.pullBack(Tensor(repeating: 1, shape: [1]), from: loss.variable, to: gradients)
    moments.add(gradients)
    for index in outcomes.indices { outcomes[index].batchCounts.direction += 1 }
    let isFinite =
      loss.mean.isFinite && gradients.globalNorm(of: parameters.map(\.parameter)).isFinite
    if !isFinite {
      for index in outcomes.indices { outcomes[index].divergedStep = step }
    }
    return isFinite
  }

  /// The results of one probe, one for each grouping.
  private func measured(
    _ batch: O.Batch, along directions: [Parameter: Tensor], _ elements: [Parameter: [Int]],
    index: Int
  ) -> [ProbeResult] {
    let generator = SeededGenerator(seed: settings.seed, purpose: "probe").split(index)
    let groupings = outcomes.map(\.grouping)
    switch settings.estimator {
    case .oneWalk:
      let probe = OneWalkProbe(
        exactClassLimit: settings.exactClassLimit, sampleCount: settings.sampleCount,
        precision: settings.precision)
      return probe(
        objective, batch, along: directions, elements: elements, groupings: groupings,
        interactions: settings.interactions, generator: generator
      ).map { ProbeResult(record: $0.record, interactions: $0.interactions) }
    case .fit(let fit):
      return groupings.map { grouping in
        ProbeResult(
          record: FitProbe(fit)(
            objective, batch, along: directions, elements: elements, grouping: grouping,
            generator: generator), interactions: nil)
      }
    }
  }

  /// Adds the results of one probe.
  private mutating func add(_ results: [ProbeResult]) {
    for (position, result) in results.enumerated() {
      add(result.record, result.interactions, to: position)
    }
  }

  private mutating func add(_ record: ProbeRecord, _ matrix: [Double]?, to position: Int) {
    let before = outcomes[position].records.reduce(0.0) { $0 + Double($1.exampleCount) }
    let added = Double(record.exampleCount)
    if let matrix {
      let old = outcomes[position].interactions ?? Array(repeating: 0, count: matrix.count)
      outcomes[position].interactions = zip(old, matrix).map {
        ($0 * before + $1 * added) / (before + added)
      }
    }
    outcomes[position].records.append(record)
    outcomes[position].batchCounts.probe += 1
  }
}

/// The result of one probe for one grouping, as processes exchange it.
private struct ProbeResult {
  let record: ProbeRecord
  /// A [K, K], row-major; nil if it was not requested.
  let interactions: [Double]?

  init(record: ProbeRecord, interactions: [Double]?) {
    (self.record, self.interactions) = (record, interactions)
  }

  /// All numbers: those of examples and of interactions, the record's, and the interactions.
  var numbers: [Double] {
    [Double(record.exampleCount), Double(interactions?.count ?? 0)] + record.rows.joined()
      + (interactions ?? [])
  }

  /// Takes a result for `groupCount` groups from the front of `numbers`.
  init(taking numbers: inout ArraySlice<Double>, groupCount: Int) {
    func take(_ count: Int) -> [Double] {
      defer { numbers.removeFirst(count) }
      return Array(numbers.prefix(count))
    }
    let counts = take(2)
    var record = ProbeRecord(exampleCount: Int(counts[0]), groupCount: groupCount)
    record.rows = (0..<6).map { _ in take(groupCount) }
    self.record = record
    interactions = counts[1] > 0 ? take(Int(counts[1])) : nil
  }
}
