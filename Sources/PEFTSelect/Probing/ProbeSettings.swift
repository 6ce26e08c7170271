import PEFTTensor

/// The settings for measuring influence.
public struct ProbeSettings: Hashable, Sendable {
  /// The method of measuring slope and curvature along the direction.
  public enum Estimator: Hashable, Sendable {
    /// Uses tangents of the outputs, for all groups at once.
    case oneWalk
    /// Uses losses at several points along each group's direction.
    case fit(LossFit)

    /// The estimator's name on the command line and in files: `one-walk` or `fit`.
    public var name: String {
      switch self {
      case .oneWalk: "one-walk"
      case .fit: "fit"
      }
    }
  }

  /// The direction g against which a group would move.
  public enum Direction: String, CaseIterable, Hashable, Sendable {
    /// The mean gradient.
    case gradient
    /// The mean gradient divided by the root of the mean square, AdamW's m̂ / (√v̂ + ε).
    case adamw
  }

  /// The examples on which a direction is probed.
  public enum ProbeBatches: String, CaseIterable, Hashable, Sendable {
    /// Examples that did not contribute to the direction, so that the slope is unbiased.
    case fresh
    /// The examples that determined the direction.
    case same
  }

  /// The points in parameter space at which the probes are made.
  public enum Path: Hashable, Sendable {
    /// All at the starting point. The direction is computed from `directionBatches` batches, with
    /// plain means for both moments, which are the limit of AdamW's exponential means for long
    /// memories.
    case held(directionBatches: Int)
    /// Along a training run of all parameters with AdamW, one batch every `period` steps. The
    /// direction is the optimizer's next step, as in the paper.
    case training(steps: Int, period: Int, learningRate: Double)
  }

  /// The method of measuring.
  public var estimator = Estimator.oneWalk
  /// The direction.
  public var direction = Direction.adamw
  /// The examples probed.
  public var probeBatches = ProbeBatches.fresh
  /// The points at which the probes are made.
  public var path = Path.held(directionBatches: 24)
  /// The number of different batches among those of the direction, if there are too few for all to
  /// be different. It follows from the data.
  package var differentBatches: Int?
  /// The number of probes at the starting point. A training path has one for each period instead.
  public var probeCount = 16
  /// Whether to compute the interaction matrix, which `fit` cannot do.
  public var interactions = false
  /// The maximum number of classes for which the curvature is exact.
  public var exactClassLimit = 16
  /// The number of labels sampled for each example beyond that limit.
  public var sampleCount = 8
  /// AdamW's constants. As in PyTorch, everything decays while groups train.
  public var optimizer = AdamW.Settings(decayScope: .all)
  /// The precision of products with weights in gradients and backward passes. Tangents, and the
  /// losses of `fit`, are in fp32.
  public var precision = Precision.fp32
  /// The seed for sampled labels.
  public var seed: UInt64 = 1

  /// Creates the default settings.
  public init() {}
}
