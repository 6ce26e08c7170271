import PEFTNetwork
import PEFTTensor

/// A model with its loss, as the objective of probing. Its stages are the embeddings, the layers
/// and the head; dropout is off.
public struct ModelObjective: Objective {
  /// The model.
  public let model: TransformerModel
  /// How the cross entropy treats the classes.
  public let lossShape: LossShape
  /// All parameters of the model, including those of attached adapters.
  public let parameters: [ModelParameter]

  /// Creates the objective of `model` with the adapters that are attached now.
  public init(_ model: TransformerModel, lossShape: LossShape = .plain) {
    self.model = model
    self.lossShape = lossShape
    parameters = model.parameters
  }

  /// The number of stages: the embeddings, the layers, the head.
  public var stageCount: Int { model.stageCount }

  /// The map from the last stage's rows to logits; nil unless the output is a vocabulary.
  public var vocabulary: VocabularyMap? { model.vocabulary }

  /// Computes one stage of the model.
  public func stage(
    _ index: Int, _ input: Variable?, of batch: Batch, on tape: Tape
  ) -> Variable {
    model.stage(index, input, of: batch.texts, on: tape)
  }

  /// The targets of the batch.
  public func targets(of batch: Batch) -> Targets { batch.targets }
}
