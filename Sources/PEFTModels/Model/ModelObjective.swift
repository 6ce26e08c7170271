import PEFTNetwork
import PEFTTensor

/// A model and its data's loss as probing sees them: its stages are the embeddings, the layers and
/// the head; dropout is off.
public struct ModelObjective: Objective {
  /// The model.
  public let model: TransformerModel
  /// ε of label smoothing.
  public let labelSmoothing: Double
  /// Every parameter of the model, attached adapters included.
  public let parameters: [ModelParameter]

  /// The objective of `model` with the adapters attached now.
  public init(_ model: TransformerModel, labelSmoothing: Double = 0) {
    self.model = model
    self.labelSmoothing = labelSmoothing
    parameters = model.parameters
  }

  /// The embeddings, the layers, the head.
  public var stageCount: Int { model.stageCount }

  /// The map from the last stage's rows to logits, where the output is a vocabulary.
  public var vocabulary: VocabularyMap? { model.vocabulary }

  /// One stage of the model.
  public func stage(
    _ index: Int, _ input: Variable?, of batch: Batch, on tape: Tape
  ) -> Variable {
    model.stage(index, input, of: batch.texts, on: tape)
  }

  /// What the batch has.
  public func targets(of batch: Batch) -> Targets { batch.targets }
}
