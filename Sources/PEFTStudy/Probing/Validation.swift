import PEFTData
import PEFTModels
import PEFTNetwork
import PEFTRuns
import PEFTSelect
import PEFTTensor
import PEFTTrain

/// The settings for testing whether influence predicts the results of training.
public struct ValidationSettings: Sendable {
  /// The number of steps for which each group is trained alone.
  public var steps = 40
  /// The number of examples per batch of that training.
  public var batchSize = 16
  /// The learning rates to try; the best result counts.
  public var learningRates = [1e-4, 1e-3]
  /// The largest number of dev examples whose loss is measured.
  public var devLimit = 500

  /// The default settings.
  public init() {}
}

/// A test of whether influence predicts training results: the contents of `validation.json`.
public struct Validation: Sendable {
  /// The file's name in a run directory.
  public static let fileName = "validation.json"

  /// One group trained alone.
  public struct Item: Hashable, Sendable {
    /// The group's name.
    public let name: String
    /// Its number of parameters.
    public let parameters: Int
    /// The decrease of the dev loss at the better rate; negative if the loss rose at every rate.
    public let realised: Double
    /// The better learning rate.
    public let learningRate: Double
  }

  /// How well a predictor ranks the groups.
  public struct Score: Hashable, Sendable {
    /// The predictor's name.
    public let predictor: String
    /// Spearman's correlation of the predictor's values with the realised decreases.
    public let value: Double
    /// The same correlation after dividing both by the number of parameters.
    public let density: Double
  }

  /// The dev loss before training.
  public let baseLoss: Double
  /// The groups.
  public let items: [Item]
  /// The predictors, sorted by the smaller of their two correlations, best first.
  public let scores: [Score]
  /// The time of training the groups in seconds.
  public let seconds: Double

  /// The document, `validation.json`.
  public var json: JSONValue {
    .object([
      "baseLoss": .number(baseLoss), "seconds": .number(seconds),
      "predictors": .array(
        scores.map {
          .object([
            "name": .string($0.predictor), "spearman": .number($0.value),
            "spearmanPerParameter": .number($0.density),
          ])
        }),
      "groups": .array(
        items.map {
          .object([
            "name": .string($0.name), "parameters": .integer($0.parameters),
            "realised": .number($0.realised), "learningRate": .number($0.learningRate),
          ])
        }),
    ])
  }

  /// Predictors by name from the results of a probe: influence as configured, by several other
  /// rules, and the simple predictors. Groups without an accepted fit have value 0 by every rule.
  public static func predictors(
    of influence: Influence
  ) -> [(name: String, values: [Double])] {
    let rules: [(String, InfluenceRule)] = [
      ("trust-region 1e-3", .trustRegion(reach: 1e-3)),
      ("trust-region 1e-2", .trustRegion(reach: 1e-2)),
      ("trust-region 3e-2", .trustRegion(reach: 3e-2)),
      ("newton", .newton), ("slope", .slope),
    ]
    return [("as probed", influence.values)]
      + rules.map { name, rule in
        (
          name,
          influence.influences.map {
            $0.verdict == .unfitted
              ? 0 : rule.best(slope: $0.slope, curvature: $0.curvature).value
          }
        )
      } + influence.predictors
  }

  /// The correlations of `predictors` with the realised decreases of the groups at `positions`.
  static func scores(
    _ predictors: [(name: String, values: [Double])], positions: [Int], items: [Item]
  ) -> [Score] {
    let sizes = items.map { Double($0.parameters) }
    let realised = items.map(\.realised)
    return predictors.map { name, values in
      let chosen = positions.map { values[$0] }
      return Score(
        predictor: name, value: spearman(chosen, realised),
        density: spearman(
          zip(chosen, sizes).map { $0 / $1 }, zip(realised, sizes).map { $0 / $1 }))
    }.sorted {
      (min($1.value, $1.density), $0.predictor) < (min($0.value, $0.density), $1.predictor)
    }
  }

  private static func spearman(_ x: [Double], _ y: [Double]) -> Double {
    RegressionMetrics(predictions: x, targets: y, loss: 0).spearman
  }
}

extension PreparedJob {
  /// Trains each group of `influence` alone, with the head frozen, and correlates the decrease of
  /// the dev loss with the predictions.
  ///
  /// The head is first trained as it was for the probe. On return, the model is bit for bit
  /// unchanged. Adapters among the groups are left out.
  ///
  /// - Returns: nil if it was stopped.
  public func validate(
    _ influence: Influence, influenceSettings: InfluenceSettings,
    settings: ValidationSettings, shouldStop: () -> Bool = { false },
    observe: (_ done: Int, _ of: Int, _ item: Validation.Item?) -> Void = { _, _, _ in }
  ) throws -> Validation? {
    guard let dev else {
      throw InvalidSetting(
        setting: "dev", "validation measures the loss on data it does not train on")
    }
    let start = ContinuousClock.now
    let entries = model.parameters
    let snapshot = ParameterSnapshot(of: entries)
    defer { snapshot.restore() }
    guard try warmHead(influenceSettings, shouldStop: shouldStop, observe: { _ in }) else {
      return nil
    }
    let warm = ParameterSnapshot(of: entries)
    let measured = dev.sample(
      settings.devLimit, using: SeededGenerator(seed: job.settings.seed, purpose: "dev sample"))
    func loss() -> Double? {
      model.evaluate(measured, task: task, shouldStop: shouldStop).map { $0["loss"] ?? .nan }
    }
    guard let base = loss() else { return nil }
    let positions = influence.groups.indices.filter {
      !influence.groups[$0].isFixed && influence.groups[$0].kind != .adapter
    }
    var items: [Validation.Item] = []
    for (done, position) in positions.enumerated() {
      let group = influence.groups[position]
      var best: (fall: Double, rate: Double)?
      for rate in settings.learningRates {
        if shouldStop() { return nil }
        SelectedTuning(members: group.members).attach(
          to: model, using: SeededGenerator(seed: 0, purpose: "unused"))
        for entry in entries where entry.kind == .head { entry.parameter.trains = .none }
        guard
          let after = try lossAfterTraining(
            rate: rate, settings, shouldStop: shouldStop, loss: loss)
        else { return nil }
        let fall = max(base - after, -Self.divergedFall)
        warm.restore()
        if best.map({ fall > $0.fall }) ?? true { best = (fall, rate) }
      }
      guard let best else { continue }
      let item = Validation.Item(
        name: group.name, parameters: group.parameterCount, realised: best.fall,
        learningRate: best.rate)
      items.append(item)
      observe(done + 1, positions.count, item)
    }
    return Validation(
      baseLoss: base, items: items,
      scores: Validation.scores(
        Validation.predictors(of: influence), positions: positions, items: items),
      seconds: (ContinuousClock.now - start) / .seconds(1))
  }

  /// The increase of the dev loss with which a diverged run counts: larger than any other, and
  /// finite.
  private static let divergedFall = 1e6

  /// The dev loss after training the parameters that are trainable now; infinite if training
  /// diverged, nil if it was stopped.
  private func lossAfterTraining(
    rate: Double, _ settings: ValidationSettings, shouldStop: () -> Bool, loss: () -> Double?
  ) throws -> Double? {
    var training = job.settings
    training.length = .steps(settings.steps)
    training.batches = BatchPlan(size: .examples(settings.batchSize))
    training.learningRate = rate
    training.usesDropout = false
    do {
      let outcome = try PEFTTrain.train(
        model, on: train, evaluatingOn: nil, task: task, settings: training,
        shouldStop: shouldStop
      ) { _ in }
      if outcome.ending == .interrupted { return nil }
    } catch is NonFiniteLoss {
      return .infinity
    }
    return loss().map { $0.isFinite ? $0 : .infinity }
  }
}
