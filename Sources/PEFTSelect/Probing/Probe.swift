import PEFTTensor

/// What probing found for one grouping.
public struct ProbeOutcome: Sendable {
  /// The groups.
  public let grouping: ParameterGrouping
  /// One record a probe, in order.
  public internal(set) var records: [ProbeRecord] = []
  /// The interaction matrix A [K, K], row-major, the mean over all probed examples; nil where it was not
  /// asked for or there are too many groups.
  public internal(set) var interactions: [Double]?
  /// Simple predictors from the same gradients.
  public internal(set) var predictors: BaselinePredictors
  /// Batches whose gradients made the direction, and batches probed.
  public internal(set) var batchCounts: (direction: Int, probe: Int) = (0, 0)
  /// Whether probing came to its end, or was stopped before.
  public internal(set) var isComplete = true
}

/// What probing tells while it goes.
public enum ProbeEvent {
  /// The gradients of so many batches of so many went into the direction.
  case direction(done: Int, of: Int)
  /// So many probes of so many are done; the outcomes so far.
  case probe(done: Int, of: Int, [ProbeOutcome])
}

/// Measures the influence of every group.
///
/// Parameters, their marks and everything else of the objective are bit for bit as before when it
/// returns, whatever the path.
///
/// - Parameters:
///   - batch: the independent batches that probing draws on, by their number from 0.
///   - observe: told of progress; false ends probing after the probe in hand.
/// - Returns: one outcome for each grouping.
public func probe<O: Objective>(
  _ objective: O, groupings: [ParameterGrouping], settings: ProbeSettings,
  batch: (Int) -> O.Batch, observe: (ProbeEvent) -> Bool = { _ in true }
) -> [ProbeOutcome] {
  let snapshot = ParameterSnapshot(of: objective.parameters)
  defer { snapshot.restore() }
  for entry in objective.parameters {
    entry.parameter.isTrainable = true
    entry.parameter.trainableRows = nil
  }
  var run = ProbeRun(objective: objective, groupings: groupings, settings: settings)
  switch settings.path {
  case .held(let count): run.hold(directionBatches: count, batch, observe)
  case .training(let steps, let period, let rate):
    run.follow(steps: steps, period: period, learningRate: rate, batch, observe)
  }
  run.setPredictors()
  return run.outcomes
}

private struct ProbeRun<O: Objective> {
  let objective: O
  let settings: ProbeSettings
  let parameters: [ModelParameter]
  let gradients = GradientAccumulator()
  var moments: MomentAverages
  var outcomes: [ProbeOutcome]

  init(objective: O, groupings: [ParameterGrouping], settings: ProbeSettings) {
    self.objective = objective
    self.settings = settings
    parameters = objective.parameters
    moments = MomentAverages(parameters)
    let parameters = parameters
    outcomes = groupings.map {
      ProbeOutcome(
        grouping: $0,
        predictors: BaselinePredictors($0, parameters: parameters, seed: settings.seed))
    }
  }

  /// All probes at the starting point.
  mutating func hold(
    directionBatches: Int, _ batch: (Int) -> O.Batch, _ observe: (ProbeEvent) -> Bool
  ) {
    for index in 0..<directionBatches {
      accumulateGradient(batch(index))
      guard observe(.direction(done: index + 1, of: directionBatches)) else { return stop() }
    }
    let directions = moments.directions(
      settings.direction, epsilon: settings.optimizer.epsilon)
    let first = settings.probeBatches == .fresh ? directionBatches : 0
    let count = settings.probeBatches == .fresh ? settings.probeCount : directionBatches
    for index in 0..<count {
      measure(batch(first + index), along: directions, index: index)
      guard observe(.probe(done: index + 1, of: count, outcomes)) else {
        return index + 1 == count ? () : stop()
      }
    }
  }

  /// Probes along a training run.
  mutating func follow(
    steps: Int, period: Int, learningRate: Double, _ batch: (Int) -> O.Batch,
    _ observe: (ProbeEvent) -> Bool
  ) {
    var optimizer = AdamW(
      parameters: parameters.map(\.parameter), settings: settings.optimizer)
    let count = steps / period
    var next = 0
    for step in 0..<steps {
      let current = batch(next)
      next += 1
      accumulateGradient(current)
      if (step + 1).isMultiple(of: period) {
        let directions = directions(of: optimizer)
        let probed = settings.probeBatches == .fresh ? batch(next) : current
        if settings.probeBatches == .fresh { next += 1 }
        measure(probed, along: directions, index: step / period)
        let done = (step + 1) / period
        guard observe(.probe(done: done, of: count, outcomes)) else {
          return done == count ? () : stop()
        }
      } else {
        guard observe(.direction(done: step + 1, of: steps)) else { return stop() }
      }
      optimizer.step(gradients: gradients, learningRate: learningRate, gradientScale: 1)
    }
  }

  mutating func setPredictors() {
    for index in outcomes.indices {
      outcomes[index].predictors.setNorms(of: moments, grouping: outcomes[index].grouping)
    }
  }

  private mutating func stop() {
    for index in outcomes.indices { outcomes[index].isComplete = false }
  }

  /// The next update for the gradient at hand.
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

  private mutating func accumulateGradient(_ batch: O.Batch) {
    gradients.reset()
    let tape = Tape()
    let loss = objective.loss(objective.outputs(of: batch, on: tape), of: batch, on: tape)
    tape.pullBack(Tensor(repeating: 1, shape: [1]), from: loss.variable, to: gradients)
    moments.add(gradients)
    for index in outcomes.indices { outcomes[index].batchCounts.direction += 1 }
  }

  private mutating func measure(
    _ batch: O.Batch, along directions: [Parameter: Tensor], index: Int
  ) {
    let generator = SeededGenerator(seed: settings.seed, purpose: "probe").split(index)
    let groupings = outcomes.map(\.grouping)
    switch settings.estimator {
    case .oneWalk:
      let probe = OneWalkProbe(
        exactClassLimit: settings.exactClassLimit, sampleCount: settings.sampleCount)
      let results = probe(
        objective, batch, along: directions, groupings: groupings,
        interactions: settings.interactions, generator: generator)
      for (position, result) in results.enumerated() {
        add(result.record, result.interactions, to: position)
      }
    case .fit(let fit):
      for (position, grouping) in groupings.enumerated() {
        let record = FitProbe(fit)(
          objective, batch, along: directions, grouping: grouping, generator: generator)
        add(record, nil, to: position)
      }
    }
  }

  private mutating func add(_ record: ProbeRecord, _ matrix: [Double]?, to position: Int) {
    let before = Double(outcomes[position].records.reduce(0) { $0 + $1.exampleCount })
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
