import PEFTTensor

/// What is to be predicted for the examples of a batch, B of them.
public enum Targets: Hashable, Sendable {
  /// The index of each example's class, in 0 ..< C: the loss is cross entropy.
  case classes([Int])
  /// The value of each example: the loss is the squared error.
  case values([Double])
  /// For each example the tokens of a vocabulary to be predicted, none or more: the loss is the
  /// mean of the cross entropies of all tokens of the batch, so that a long example weighs more.
  case tokens([[Int32]])

  /// The number of examples, B.
  public var count: Int {
    switch self {
    case .classes(let classes): classes.count
    case .values(let values): values.count
    case .tokens(let labels): labels.count
    }
  }

  /// What the loss is the mean of: the number of examples, or of tokens.
  public var termCount: Int {
    switch self {
    case .classes, .values: count
    case .tokens(let labels): labels.reduce(0) { $0 + $1.count }
    }
  }
}

extension Tape {
  /// The loss of outputs [B, C]: cross entropy for classes, squared error for values; of hidden
  /// states [N, h] with the map `vocabulary` for tokens.
  public func loss(
    _ outputs: Variable, targets: Targets, vocabulary: VocabularyMap? = nil,
    labelSmoothing: Double = 0
  ) -> Loss {
    switch targets {
    case .classes(let classes):
      return softmaxCrossEntropy(outputs, labels: classes, labelSmoothing: labelSmoothing)
    case .values(let values): return meanSquaredError(outputs, targets: values)
    case .tokens(let labels):
      guard let vocabulary else {
        preconditionFailure("loss: tokens to predict, and no vocabulary")
      }
      return crossEntropy(
        outputs, vocabulary, labels: labels.flatMap { $0 }, labelSmoothing: labelSmoothing)
    }
  }
}

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
  func outputs(
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
  func loss(_ outputs: Variable, of batch: Batch, on tape: Tape) -> Loss {
    tape.loss(
      outputs, targets: targets(of: batch), vocabulary: vocabulary, labelSmoothing: labelSmoothing)
  }
}
