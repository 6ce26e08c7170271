import PEFTTensor

/// The view that probing has of a model and its data: parameters, and a loss of outputs that a tape
/// records.
///
///     L(w) = mean_i ℓ(z_i(w), y_i),   z [B, C]
///
/// For a vocabulary, the loss is the mean over predicted tokens, and the last stage returns hidden
/// states [N, h] that the map `vocabulary` turns into logits. The outputs z are computed by a chain
/// of stages, so a change to parameters from stage s on leaves the results of earlier stages valid.
/// Dropout is always off.
public protocol Objective {
  /// The examples of one evaluation.
  associatedtype Batch

  /// All parameters, each once, in the order of computation.
  var parameters: [ModelParameter] { get }

  /// The number of stages.
  var stageCount: Int { get }

  /// Computes the output of stage `index` from the output of the stage before it. The first stage
  /// gets nil. The last returns z [B, C], or the hidden states [N, h] of predicted tokens.
  func stage(_ index: Int, _ input: Variable?, of batch: Batch, on tape: Tape) -> Variable

  /// The targets of a batch.
  func targets(of batch: Batch) -> Targets

  /// How the cross entropy treats the classes.
  var lossShape: LossShape { get }

  /// The map from hidden states to logits; nil if the last stage returns z.
  var vocabulary: VocabularyMap? { get }
}

extension Objective {
  /// Plain cross entropy.
  public var lossShape: LossShape { .plain }

  /// Nil: the last stage returns z.
  public var vocabulary: VocabularyMap? { nil }

  /// Computes z [B, C] from the first stage, or from the output of a stage in an earlier
  /// evaluation.
  ///
  /// - Parameter observe: called with the output of every stage.
  package func outputs(
    of batch: Batch, from first: Int = 0, input: Variable? = nil, on tape: Tape,
    observe: (Int, Variable) -> Void = { _, _ in }
  ) -> Variable {
    precondition(first < stageCount, "outputs: stage \(first) of \(stageCount)")
    var output = stage(first, input, of: batch, on: tape)
    observe(first, output)
    for index in (first + 1)..<max(stageCount, first + 1) {
      output = stage(index, output, of: batch, on: tape)
      observe(index, output)
    }
    return output
  }

  /// The loss of the outputs.
  package func loss(_ outputs: Variable, of batch: Batch, on tape: Tape) -> Loss {
    tape.loss(
      outputs, targets: targets(of: batch), vocabulary: vocabulary, shape: lossShape)
  }
}
