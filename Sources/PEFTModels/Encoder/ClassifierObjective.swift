import PEFTSelect
import PEFTTensor

/// A classifier and its data's loss as probing sees them: its stages are the embeddings, the layers and
/// the head; dropout is off.
public struct ClassifierObjective: Objective {
  /// Texts and what is to be predicted for them.
  public struct Batch: Sendable {
    /// The texts, packed.
    public let texts: PackedBatch
    /// One target for each.
    public let targets: Targets

    /// A batch; there must be as many targets as texts.
    public init(texts: PackedBatch, targets: Targets) {
      precondition(
        texts.exampleCount == targets.count,
        "Batch: \(texts.exampleCount) texts, \(targets.count) targets")
      self.texts = texts
      self.targets = targets
    }
  }

  /// The model.
  public let model: SequenceClassifier
  /// ε of label smoothing.
  public let labelSmoothing: Double
  /// Every parameter of the model, attached adapters included.
  public let parameters: [ModelParameter]

  /// The objective of `model` with the adapters attached now.
  public init(_ model: SequenceClassifier, labelSmoothing: Double = 0) {
    self.model = model
    self.labelSmoothing = labelSmoothing
    parameters = model.parameters
  }

  /// The embeddings, the layers, the head.
  public var stageCount: Int { model.stageCount }

  /// One stage of the model.
  public func stage(
    _ index: Int, _ input: Variable?, of batch: Batch, on tape: Tape
  ) -> Variable {
    model.stage(index, input, of: batch.texts, on: tape)
  }

  /// What the batch has.
  public func targets(of batch: Batch) -> Targets { batch.targets }
}
