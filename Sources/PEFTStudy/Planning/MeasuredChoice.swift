import PEFTModels
import PEFTNetwork
import PEFTRuns
import PEFTSelect
import PEFTTensor
import PEFTTrain

/// How the main job chooses what to train: the settings for measuring influence, fitted to a model
/// and a budget, and the plan that follows from the results.
public struct MeasuredChoice: Sendable {
  /// The settings for measuring influence. How groups interact is measured as well, unless there
  /// are too many: the plan then counts the effect that groups share only once, and starts from the
  /// default for the budget; see `Planner.anchoredPlan`.
  public var influence = InfluenceSettings()
  /// The share of a run's cost to spend on measuring influence, from 0 to 1. It sets the numbers of
  /// batches, by a model of their cost: 12 to 64 each for the direction and to probe. A warm-up
  /// is not counted, and a short run may exceed the share. If nil, the numbers are those of
  /// `influence`.
  public var probeShare: Double?
  /// Whether all parameters are trained for some steps before the probe if the gradients of
  /// different batches disagree.
  public var warmsUp = true

  /// Adapters of several sizes, so that a budget can be used up, and single elements for budgets
  /// that are too small for adapters.
  public static let usualCandidates = AdapterCandidates(
    ranks: [1, 2, 4, 8, 16], elements: [8, 32, 128, 512])

  /// The share of a run's cost that the command spends on measuring influence.
  public static let usualProbeShare = 0.25

  /// The usual choice, with the seed and precision of `training`.
  public init(for training: TrainingSettings) {
    influence.candidates = Self.usualCandidates
    influence.probe.seed = training.seed
    influence.probe.precision = training.precision
  }

  /// The plan under a budget: the anchored one if interactions were measured, and otherwise the
  /// best by the sum of values.
  ///
  /// - Parameter budget: the number of parameters, including the head.
  static func plan(_ influence: Influence, budget: Int, seed: UInt64) throws -> Plan {
    let planner = Planner(influence)
    return influence.interactions != nil
      ? try planner.anchoredPlan(budget: budget, seed: seed)
      : try planner.plan(budget: budget, seed: seed)
  }
}

extension MeasuredChoice {
  /// The settings for measuring influence on this model: with interactions, unless there are too
  /// many groups for them or they cannot be measured, with the matrices that LoRA usually adapts as
  /// narrow targets, and with as many elements of each matrix as each budget allows, if those are
  /// fewer than the candidates' most. If the gradients of different batches disagree, all
  /// parameters are trained for some steps first.
  ///
  /// - Parameter budgets: numbers of parameters, including the head; empty if there is no limit.
  func settings(for prepared: PreparedJob, budgets: [Int]) -> InfluenceSettings {
    var settings = influence
    if settings.candidates?.targets == nil {
      settings.candidates?.narrowTargets = prepared.model.configuration.usualTargets
    }
    if let candidates = settings.candidates, let most = candidates.elements.last {
      let elements = SparseTuning(entries: 1, targets: candidates.targets ?? [])
      for budget in budgets {
        let fitting = elements.sized(within: budget, for: prepared.model).entries
        if fitting < most { settings.candidates?.insert(elements: fitting) }
      }
    }
    let count = try? ParameterGrouping(
      prepared.model.parameters, by: settings.rule, candidates: settings.candidates
    ).count
    if settings.probe.estimator == .oneWalk, let count, count <= Self.interactionLimit {
      settings.probe.interactions = true
    }
    guard case .held = settings.probe.path else { return settings }
    if warmsUp, settings.warmSteps == 0 {
      (settings.warmSteps, settings.warmBelow) = (Self.warmSteps, Self.leastAgreement)
    }
    if let probeShare {
      let steps = plannedSteps(data: prepared.train, settings: prepared.job.settings)
      let passes = OneWalkProbe().backwardPasses(
        classes: prepared.task.output(pooling: .mean).classCount)
      let rest = max(
        0,
        probeShare * Double(steps) - Cost.features
          * Double(min(settings.headSteps, HeadTraining.mostBatches)))
      func count(_ steps: Double, costing cost: Double) -> Int {
        min(
          Self.batchLimits.upperBound,
          max(Self.batchLimits.lowerBound, Int(saturating: steps / cost)))
      }
      let probeCost = Cost.probe + Double(passes) * Cost.pass
      let probes = count(0.4 * rest, costing: probeCost)
      settings.probe.probeCount = probes
      settings.probe.path = .held(
        directionBatches: count(rest - Double(probes) * probeCost, costing: Cost.gradient))
    }
    return settings
  }

  /// What the parts of a probe cost, in training steps of what is usually chosen, as measured with
  /// adapters of rank 16 as candidates on every matrix of a MiniLM.
  private enum Cost {
    /// The features of a batch, on which the head is trained.
    static let features = 0.33
    /// The gradients of all parameters and candidates for one batch.
    static let gradient = 1.7
    /// A probed batch, without its backward passes.
    static let probe = 1.0
    /// One backward pass of a probed batch.
    static let pass = 0.6
  }

  /// The largest number of groups whose interactions are measured without being asked for: a file
  /// holds a number for each pair.
  private static let interactionLimit = 1024

  /// The numbers of batches for the direction, and of those probed: fewer leave the errors unknown,
  /// and more are rarely needed.
  private static let batchLimits = 12...64

  /// The agreement of gradients below which all parameters are trained for some steps before the
  /// probe, and their number. Below it, the order of groups by their slopes is mostly chance.
  private static let (leastAgreement, warmSteps) = (0.3, 40)
}
