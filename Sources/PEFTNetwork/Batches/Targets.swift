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
