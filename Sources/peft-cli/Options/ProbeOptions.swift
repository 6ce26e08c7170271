import ArgumentParser
import PEFTNetwork
import PEFTRuns
import PEFTSelect
import PEFTStudy
import PEFTTensor

/// The options for measuring influence.
struct ProbeOptions: ParsableArguments {
  @Option(
    help: """
      How slope and curvature are measured: one-walk (all groups in one pass, from the tangents of \
      the outputs) or fit (from losses at several points along each group's direction, during training).
      """)
  var estimator = "one-walk"

  @Option(
    help: "Direction in which groups are probed: adamw (preconditioned gradient) or gradient.")
  var direction = ProbeSettings.Direction.adamw

  @Option(help: "Examples to probe on: fresh (not used for the direction) or same.")
  var probeOn = ProbeSettings.ProbeBatches.fresh

  @Option(
    help: """
      Batches whose gradients define the direction. (default: 24; for adapt by \
      --probe-share, unless --probe-batches is given)
      """)
  var directionBatches: Int?

  @Option(
    help: """
      Batches to probe on. If the data are too few for both, both numbers shrink in proportion. \
      (default: 16; for adapt by --probe-share, unless --direction-batches is given)
      """)
  var probeBatches: Int?

  @Option(help: "Steps that train the head alone before the probe.")
  var headSteps = 80

  @Option(help: "Learning rate of the --head-steps.")
  var headLearningRate = 5e-3

  @Option(
    help: """
      Steps that then train all parameters, so that the probe sees a model that has begun to \
      learn. (default: 0; for adapt 40 if the gradients of different batches disagree)
      """)
  var warmSteps: Int?

  @Option(help: "Learning rate of the --warm-steps.")
  var warmLearningRate = 2e-4

  @Option(
    help: """
      How slope b and curvature a give a value: trust-region (best step up to --reach), newton \
      (b²/2a) or slope. (default: trust-region; newton with --direction gradient)
      """)
  var value: String?

  @Option(help: "Longest step of the trust region, in units of the direction.")
  var reach = 1e-3

  @Option(
    help:
      "How probes are combined: ratio-of-means, or sum (of each probe's value, as in the paper).")
  var aggregate = ProbeAggregation.ratioOfMeans

  @Flag(
    help: """
      Measure how groups interact, for select --interacting. adapt always does, unless the groups \
      are single rows or the estimator is fit.
      """)
  var interactions = false

  @Option(help: "For fit: training steps during which it probes.")
  var probeSteps = 48

  @Option(help: "For fit: steps between probes.")
  var period = 8

  @Option(help: "For fit: learning rate of that training.")
  var probeLearningRate = 2e-5

  @Option(help: "For fit: points along the direction, as multiples of the step.")
  var multipliers = "-2,-1,1,2"

  @Option(help: "For fit: smallest R² for which a fit counts.")
  var gate = 0.99

  @Option(
    help: "For fit: the step. (default: for each group, the step that changes the loss by 2 %)")
  var fitStep: Double?

  @Option(help: "Stop once this many probes in a row give the same selection under --budget.")
  var settleAfter: Int?

  func validate() throws {
    guard ["one-walk", "fit"].contains(estimator) else {
      throw ValidationError("--estimator \(estimator): give one-walk or fit")
    }
    for (name, number) in [
      ("direction-batches", directionBatches ?? 1), ("probe-batches", probeBatches ?? 1),
      ("probe-steps", probeSteps), ("period", period), ("settle-after", settleAfter ?? 1),
    ] where !(1...1_000_000).contains(number) {
      throw ValidationError("--\(name) \(number): give a positive number")
    }
    for (name, number) in [("head-steps", headSteps), ("warm-steps", warmSteps ?? 0)]
    where !(0...1_000_000).contains(number) {
      throw ValidationError("--\(name) \(number): give a number from 0")
    }
    guard period <= probeSteps else {
      throw ValidationError("--period \(period): it must not be above --probe-steps \(probeSteps)")
    }
    for (name, number) in [
      ("head-learning-rate", headLearningRate), ("warm-learning-rate", warmLearningRate),
      ("reach", reach), ("fit-step", fitStep ?? 1),
      ("probe-learning-rate", probeLearningRate),
    ] where !(number > 0 && number.isFinite) {
      throw ValidationError("--\(name): give a positive number")
    }
    guard gate.isFinite, gate <= 1 else {
      throw ValidationError("--gate \(gate): give a number up to 1")
    }
    _ = try fit()
    _ = try rule()
    if estimator == "fit", interactions {
      throw ValidationError("--interactions: only the one-walk estimator measures them")
    }
  }

  /// The requested rule.
  func rule() throws -> InfluenceRule {
    switch value ?? (direction == .gradient ? "newton" : "trust-region") {
    case "trust-region": return .trustRegion(reach: reach)
    case "newton": return .newton
    case "slope": return .slope
    default:
      throw ValidationError("--value \(value ?? ""): give trust-region, newton or slope")
    }
  }

  private func fit() throws -> LossFit {
    let points = multipliers.split(separator: ",").map { Double($0) ?? .nan }
    guard var fit = LossFit(multipliers: points) else {
      throw ValidationError(
        "--multipliers \(multipliers): give at least three different numbers, none of them 0; two "
          + "points fit a parabola exactly, noise included")
    }
    fit.leastDetermination = gate
    fit.step = fitStep
    return fit
  }

  /// The requested settings; `candidates` applies if --candidates is not given.
  func settings(
    groups: GroupOptions, seed: UInt64, budget: Int?, precision: Precision,
    candidates: AdapterCandidates? = nil
  ) throws -> InfluenceSettings {
    var settings = InfluenceSettings()
    settings.rule = try groups.rule()
    settings.candidates = try groups.adapters(or: candidates)
    settings.probe.direction = direction
    settings.probe.probeBatches = probeOn
    settings.probe.probeCount = probeBatches ?? 16
    settings.probe.interactions = interactions
    settings.probe.seed = seed
    settings.probe.precision = precision
    if estimator == "fit" {
      settings.probe.estimator = .fit(try fit())
      settings.probe.path = .training(
        steps: probeSteps, period: period, learningRate: probeLearningRate)
    } else {
      settings.probe.path = .held(directionBatches: directionBatches ?? 24)
    }
    settings.value = try rule()
    settings.aggregation = aggregate
    settings.headSteps = headSteps
    settings.headLearningRate = headLearningRate
    settings.warmSteps = warmSteps ?? 0
    settings.warmLearningRate = warmLearningRate
    if let settleAfter, let budget {
      settings.settled = SettledSelection(budget: budget, probes: settleAfter)
    }
    return settings
  }
}

extension ProbeSettings.Direction: ExpressibleByArgument {}
extension ProbeSettings.ProbeBatches: ExpressibleByArgument {}
extension ProbeAggregation: ExpressibleByArgument {}
