import PEFTTensor

/// How influence is measured.
public struct ProbeSettings: Hashable, Sendable {
  /// What measures slope and curvature along the direction.
  public enum Estimator: Hashable, Sendable {
    /// Tangents of the outputs, all groups at once.
    case oneWalk
    /// Losses at several points along each group's direction.
    case fit(LossFit)

    /// `one-walk` or `fit`, as on the command line and in files.
    public var name: String {
      switch self {
      case .oneWalk: "one-walk"
      case .fit: "fit"
      }
    }
  }

  /// The direction g that a group would move against.
  public enum Direction: String, CaseIterable, Hashable, Sendable {
    /// The mean gradient.
    case gradient
    /// The mean gradient over the root of the mean square, AdamW's m̂ / (√v̂ + ε).
    case adamw
  }

  /// Which examples a direction is probed on.
  public enum ProbeBatches: String, CaseIterable, Hashable, Sendable {
    /// Others than those it was made of, so that the slope is unbiased.
    case fresh
    /// The same.
    case same
  }

  /// Where in parameter space the probes are made.
  public enum Path: Hashable, Sendable {
    /// All at the starting point. The direction is made of `directionBatches` batches, with plain
    /// means for both moments: what AdamW's exponential means tend to for long memories.
    case held(directionBatches: Int)
    /// Along a training run of all parameters by AdamW, every `period` steps, one batch a probe;
    /// the direction is the optimizer's next step (the paper's way).
    case training(steps: Int, period: Int, learningRate: Double)
  }

  /// What measures.
  public var estimator = Estimator.oneWalk
  /// The direction.
  public var direction = Direction.adamw
  /// The examples probed.
  public var probeBatches = ProbeBatches.fresh
  /// Where.
  public var path = Path.held(directionBatches: 24)
  /// Probes at the starting point; a training path has one every period instead.
  public var probeCount = 16
  /// Whether to form the interaction matrix; `fit` cannot.
  public var interactions = false
  /// The most classes whose curvature is exact.
  public var exactClassLimit = 16
  /// Labels drawn for each example beyond that.
  public var sampleCount = 8
  /// AdamW's constants.
  public var optimizer = AdamW.Settings()
  /// The precision of products with weights in gradients and walks; tangents, and the losses
  /// of `fit`, are in fp32.
  public var precision = Precision.fp32
  /// Decides drawn labels.
  public var seed: UInt64 = 1

  /// The defaults.
  public init() {}
}
