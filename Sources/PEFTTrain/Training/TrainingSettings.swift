import PEFTData
import PEFTTensor

/// How long to train.
public enum TrainingLength: Hashable, Sendable {
  /// That many passes over the data; a part of a pass is rounded to steps.
  case epochs(Double)
  /// That many steps.
  case steps(Int)
}

/// Everything that decides a training run besides model, method and data.
public struct TrainingSettings: Hashable, Sendable {
  /// How long to train.
  public var length = TrainingLength.epochs(3)
  /// How batches are cut.
  public var batches = BatchPlan(size: .examples(32))
  /// The rate at the end of the warm-up.
  public var learningRate = 5e-5
  /// The part of all steps that warms up.
  public var warmupFraction = 0.06
  /// The form of the decay after it.
  public var decay = LearningRateSchedule.Decay.linear
  /// AdamW's constants.
  public var optimizer = AdamW.Settings()
  /// The limit on the gradient's global norm; nil does not clip.
  public var clippingNorm: Double? = 1
  /// ε of label smoothing.
  public var labelSmoothing = 0.0
  /// Whether the model's dropout is on.
  public var usesDropout = true
  /// Whether only the input of each layer is kept for the reverse walk, which
  /// computes the rest again.
  public var recomputesLayers = false
  /// The precision of the products with weights in steps; parameters, sums, evaluations and
  /// all else are in fp32.
  public var precision = Precision.fp32
  /// Steps between evaluations; nil evaluates after every pass.
  public var evaluationInterval: Int?
  /// Evaluations without a better one before the run ends early; nil never.
  public var patience: Int?
  /// What the learning rate of a tensor is multiplied by, by its name; 1 for those left out.
  public var rateFactors: [String: Double] = [:]
  /// Decides order, dropout and newly drawn weights.
  public var seed: UInt64 = 1

  /// The defaults.
  public init() {}
}
