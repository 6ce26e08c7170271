import PEFTTensor

/// The targets of a batch of B examples: N rows, each of which belongs to an example.
///
/// A text classifier has one row for each example, a tagger one for each word, and a language model
/// one for each predicted token. The loss is the mean over all rows, so an example with more rows
/// weighs more.
public struct Targets: Hashable, Sendable {
  /// The correct answers, one for each row.
  public enum Kind: Hashable, Sendable {
    /// Indices of classes in 0 ..< C. The loss is cross entropy.
    case classes([Int])
    /// The indices in 0 ..< C of all labels of each row. The loss is the mean over the C labels of
    /// their binary cross entropies.
    case labelSets([[Int]])
    /// Values. The loss is the squared error.
    case values([Double])
    /// Tokens of the vocabulary. The loss is cross entropy.
    case tokens([Int32])
  }

  /// The correct answers for the N rows.
  public let kind: Kind
  /// The partition of the rows among the examples.
  public let partition: RowPartition

  /// Creates targets whose rows are assigned to examples by `partition`.
  public init(_ kind: Kind, partition: RowPartition) {
    let count =
      switch kind {
      case .classes(let classes): classes.count
      case .labelSets(let sets): sets.count
      case .values(let values): values.count
      case .tokens(let tokens): tokens.count
      }
    precondition(
      count == partition.rowCount, "Targets: \(count) for \(partition.rowCount) rows")
    self.kind = kind
    self.partition = partition
  }

  /// Creates targets with one class for each example.
  public static func classes(_ classes: [Int]) -> Targets {
    Targets(.classes(classes), partition: RowPartition(examples: classes.count))
  }

  /// Creates targets with any number of classes for each example.
  public static func classes(ofRows classes: [[Int]]) -> Targets {
    Targets(
      .classes(classes.flatMap { $0 }), partition: RowPartition(lengths: classes.map(\.count)))
  }

  /// Creates targets with any number of labels for each example.
  public static func labelSets(_ sets: [[Int]]) -> Targets {
    Targets(.labelSets(sets), partition: RowPartition(examples: sets.count))
  }

  /// Creates targets with one value for each example.
  public static func values(_ values: [Double]) -> Targets {
    Targets(.values(values), partition: RowPartition(examples: values.count))
  }

  /// Creates targets with any number of tokens for each example.
  public static func tokens(_ tokens: [[Int32]]) -> Targets {
    Targets(.tokens(tokens.flatMap { $0 }), partition: RowPartition(lengths: tokens.map(\.count)))
  }

  /// The number of examples, B.
  public var count: Int { partition.exampleCount }

  /// The number of rows, N, over which the loss is averaged.
  public var termCount: Int { partition.rowCount }

  /// Whether every example has exactly one row.
  public var hasOneRowEach: Bool { partition == RowPartition(examples: count) }

  /// The targets of the examples with these indices, in the given order.
  public func selected(_ examples: [Int]) -> Targets {
    let rows = examples.flatMap { partition[$0] }
    let kind: Kind =
      switch kind {
      case .classes(let classes): .classes(rows.map { classes[$0] })
      case .labelSets(let sets): .labelSets(rows.map { sets[$0] })
      case .values(let values): .values(rows.map { values[$0] })
      case .tokens(let tokens): .tokens(rows.map { tokens[$0] })
      }
    return Targets(kind, partition: RowPartition(lengths: examples.map { partition[$0].count }))
  }
}

extension Tape {
  /// The loss of the outputs. For classes, sets of labels and values, the outputs are [N, C] and
  /// the loss is cross entropy, binary cross entropy or squared error; for tokens, they are hidden
  /// states [N, h] that `vocabulary` maps to logits.
  ///
  /// - Parameters:
  ///   - shape: the cross entropy of classes; for sets of labels and tokens only its label
  ///     smoothing counts.
  ///   - temperature: divides the logits of a cross entropy.
  public func loss(
    _ outputs: Variable, targets: Targets, vocabulary: VocabularyMap? = nil,
    shape: LossShape = .plain, temperature: Double = 1
  ) -> Loss {
    if case .values = targets.kind {
    } else if temperature != 1 {
      // A bias of the vocabulary is divided as the hidden states are; it has no gradient then.
      let bias = vocabulary?.bias.map { bias in
        var value = Tensor(zeros: bias.shape)
        value.add(bias.value, scaledBy: Float(1 / temperature))
        return Parameter(name: bias.name, value: value, isTrainable: false)
      }
      let factors = Parameter(
        name: "temperature",
        value: Tensor(
          repeating: Float(1 / temperature), shape: [outputs.value.shape.columns]),
        isTrainable: false)
      return loss(
        scaledColumns(outputs, by: factors), targets: targets,
        vocabulary: vocabulary.map { VocabularyMap(table: $0.table, bias: bias) }, shape: shape)
    }
    switch targets.kind {
    case .classes(let classes):
      return softmaxCrossEntropy(outputs, labels: classes, shape: shape)
    case .labelSets(let sets):
      return sigmoidCrossEntropy(outputs, labels: sets, labelSmoothing: shape.labelSmoothing)
    case .values(let values): return meanSquaredError(outputs, targets: values)
    case .tokens(let tokens):
      guard let vocabulary else {
        preconditionFailure("loss: tokens to predict, and no vocabulary")
      }
      return crossEntropy(
        outputs, vocabulary, labels: tokens, labelSmoothing: shape.labelSmoothing)
    }
  }
}
