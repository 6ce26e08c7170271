import PEFTTensor

/// All that probing sees of a model and its data: parameters, and a loss of outputs
/// that a tape records.
///
///     L(w) = mean_i ℓ(z_i(w), y_i),   z [B, C]
///
/// or, over a vocabulary, the mean over predicted tokens, where the last stage returns the hidden
/// states [N, h] that the map `vocabulary` turns into logits. The computation of z is a chain of
/// stages, so that a change of parameters from stage s on leaves what lies below as it was. Dropout
/// is off in all of it.
public protocol Objective {
  /// The examples of one evaluation.
  associatedtype Batch

  /// Every parameter once, in the order of computation.
  var parameters: [ModelParameter] { get }

  /// The number of stages.
  var stageCount: Int { get }

  /// The output of stage `index` from that of the stage before it; the first gets nil, the last
  /// returns z [B, C], or the hidden states [N, h] of predicted tokens.
  func stage(_ index: Int, _ input: Variable?, of batch: Batch, on tape: Tape) -> Variable

  /// What is to be predicted.
  func targets(of batch: Batch) -> Targets

  /// ε of label smoothing in cross entropy.
  var labelSmoothing: Double { get }

  /// The map from hidden states to logits; nil where the last stage returns z.
  var vocabulary: VocabularyMap? { get }
}

extension Objective {
  /// No smoothing.
  public var labelSmoothing: Double { 0 }

  /// No vocabulary.
  public var vocabulary: VocabularyMap? { nil }

  /// z [B, C], from the first stage on, or from the output of an earlier evaluation's stage.
  ///
  /// - Parameter observe: told of every stage's output.
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

  /// The loss of outputs.
  package func loss(_ outputs: Variable, of batch: Batch, on tape: Tape) -> Loss {
    tape.loss(
      outputs, targets: targets(of: batch), vocabulary: vocabulary, labelSmoothing: labelSmoothing)
  }
}
