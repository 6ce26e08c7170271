import PEFTSelect
import PEFTTensor

extension InfluenceSettings {
  /// Everything, other than the job, that determines the results of a probe, each setting under the
  /// name of its option.
  var json: JSONObject {
    var object: JSONObject = [
      "groups": .string(rule.name), "estimator": .string(probe.estimator.name),
      "direction": .string(probe.direction.rawValue),
      "probe-on": .string(probe.probeBatches.rawValue),
      "probe-batches": .integer(probe.probeCount),
      "head-steps": .integer(headSteps), "head-learning-rate": .number(headLearningRate),
      "precision": .string(probe.precision.rawValue), "seed": .string(String(probe.seed)),
      "value": value.json, "aggregate": .string(aggregation.rawValue),
      "interactions": .bool(probe.interactions),
    ]
    object["patterns"] = patternsDigest.map { .string($0) }
    object["candidates"] = candidates?.json
    object["settled"] = settled?.json
    if warmSteps > 0 {
      object["warm-steps"] = .integer(warmSteps)
      object["warm-learning-rate"] = .number(warmLearningRate)
      object["warm-below"] = warmBelow.map { .number($0) }
    }
    switch probe.path {
    case .held(let count): object["direction-batches"] = .integer(count)
    case .training(let steps, let period, let rate):
      object["probe-steps"] = .integer(steps)
      object["period"] = .integer(period)
      object["probe-learning-rate"] = .number(rate)
    }
    if case .fit(let fit) = probe.estimator {
      object["multipliers"] = .array(fit.multipliers.map { .number($0) })
      object["gate"] = .number(fit.leastDetermination)
      object["fit-step"] = fit.step.map { .number($0) }
    }
    return object
  }

  /// A digest of the groups of a user's file; nil for other rules.
  var patternsDigest: String? {
    guard case .patterns(let groups) = rule else { return nil }
    return Fingerprint.of(groups.flatMap { [$0.name, "\($0.patterns.count)"] + $0.patterns })
  }
}
