import PEFTData
import PEFTNetwork
import PEFTTensor

/// The length of a training run.
public enum TrainingLength: Hashable, Sendable {
  /// A number of passes over the data; a fraction of a pass is rounded to whole steps.
  case epochs(Double)
  /// A number of steps.
  case steps(Int)
}

/// All settings of a training run other than model, method and data.
public struct TrainingSettings: Hashable, Sendable {
  /// The length of the run.
  public var length = TrainingLength.epochs(3)
  /// The division of examples into batches.
  public var batches = BatchPlan(size: .examples(32))
  /// The number of batches whose gradients make one step.
  ///
  /// The step is that of one batch `accumulation` times as large, with the mean over all its rows,
  /// and needs the activations of one batch.
  public var accumulation = 1
  /// The number of atoms into which the batch of a step is cut, such that none is larger than one
  /// of `batches`; nil for one atom for each of these.
  ///
  /// Atoms are whole examples. They are computed one after another, or by several processes, and
  /// their gradients are added along a tree over their numbers, so a run has the same bits on any
  /// number of processes. Steps of several atoms take a little longer on one process, because their
  /// products are smaller, and need the memory of `atomSums` gradients.
  public var atoms: Int?
  /// The learning rate at the end of the warm-up.
  public var learningRate = 5e-5
  /// The fraction of all steps used for warm-up.
  public var warmupFraction = 0.06
  /// The form of the decay after the warm-up.
  public var decay = LearningRateSchedule.Decay.linear
  /// AdamW's constants.
  public var optimizer = AdamW.Settings()
  /// The limit on the gradient's global norm; if nil, gradients are not clipped.
  public var clippingNorm: Double? = 1
  /// ε of label smoothing.
  public var labelSmoothing = 0.0
  /// How much the rows of each class count in the loss; nil if all count alike.
  public var classWeighting: ClassWeights?
  /// The weights that `classWeighting` gives the classes, in their order; empty for weights of 1. A
  /// job sets them when it has read its data.
  public var classWeights: [Double] = []
  /// γ of the focal loss; 0 for cross entropy.
  public var focusing = 0.0
  /// Whether a classifier's probabilities are calibrated on the dev data after training.
  public var calibrates = false
  /// Whether the model's dropout is active.
  public var usesDropout = true
  /// Whether only the input of each layer is kept for the backward pass, which recomputes the rest.
  public var recomputesLayers = false
  /// The precision of the products with weights in training steps.
  ///
  /// Parameters, sums, evaluations and everything else are in fp32.
  public var precision = Precision.fp32
  /// The number of steps between evaluations; if nil, the run evaluates after every pass.
  public var evaluationInterval: Int?
  /// The number of evaluations without improvement after which the run ends early; if nil, it never
  /// does.
  public var patience: Int?
  /// Factors of the learning rate by tensor name; 1 for tensors without an entry.
  public var rateFactors: [String: Double] = [:]
  /// Determines the order of examples, dropout and newly initialised weights.
  public var seed: UInt64 = 1

  /// The default settings.
  public init() {}
}

extension TrainingSettings {
  /// The number of atoms of a run of several processes that does not specify it.
  public static let usualAtoms = 8

  /// The division of a step's batch into atoms; nil if the batch is one atom.
  package var atomPlan: BatchPlan? {
    guard accumulation > 1 || atoms != nil else { return nil }
    return batches.scaled(by: accumulation).divided(
      into: atoms ?? accumulation, withinBatchesOf: batches)
  }

  /// The number of atoms of a full batch, which may have a few more if their size is in tokens.
  public var atomCount: Int {
    atomPlan.map { batches.scaled(by: accumulation).count(of: $0) } ?? 1
  }

  /// The largest number of gradients that a step on one process holds at once: the sums over
  /// subtrees of atoms, and that of the next atom.
  package var atomSums: Int {
    Int.bitWidth - atomCount.leadingZeroBitCount
  }

  /// How the loss treats the classes.
  public var lossShape: LossShape {
    LossShape(labelSmoothing: labelSmoothing, classWeights: classWeights, focusing: focusing)
  }

  /// The factor by which the learning rate of `entry` differs from that of the run: that of its
  /// tensor's name, times that of its adapter.
  func rateFactor(of entry: ModelParameter) -> Double {
    (rateFactors[entry.parameter.name] ?? 1) * (entry.adapter?.rateFactor ?? 1)
  }
}
