import PEFTTensor

/// What is to be predicted for a batch of B examples: N rows, each of which belongs to an example.
///
/// A classifier of texts has one row for each example. A tagger has one for each word, and a
/// language model one for each token that is predicted. The loss is the mean over all rows, so that
/// an example with more rows weighs more.
public struct Targets: Hashable, Sendable {
  /// What is right in each row.
  public enum Kind: Hashable, Sendable {
    /// The index of a class, in 0 ..< C: the loss is cross entropy.
    case classes([Int])
    /// A value: the loss is the squared error.
    case values([Double])
    /// A token of the vocabulary: the loss is cross entropy.
    case tokens([Int32])
  }

  /// What is right in each of the N rows.
  public let kind: Kind
  /// Which rows belong to which example.
  public let partition: RowPartition

  /// Targets whose rows belong to examples as `partition` says.
  public init(_ kind: Kind, partition: RowPartition) {
    let count =
      switch kind {
      case .classes(let classes): classes.count
      case .values(let values): values.count
      case .tokens(let tokens): tokens.count
      }
    precondition(
      count == partition.rowCount, "Targets: \(count) for \(partition.rowCount) rows")
    self.kind = kind
    self.partition = partition
  }

  /// A class for each example.
  public static func classes(_ classes: [Int]) -> Targets {
    Targets(.classes(classes), partition: RowPartition(examples: classes.count))
  }

  /// Classes for each example, none or more.
  public static func classes(ofRows classes: [[Int]]) -> Targets {
    Targets(
      .classes(classes.flatMap { $0 }), partition: RowPartition(lengths: classes.map(\.count)))
  }

  /// A value for each example.
  public static func values(_ values: [Double]) -> Targets {
    Targets(.values(values), partition: RowPartition(examples: values.count))
  }

  /// Tokens for each example, none or more.
  public static func tokens(_ tokens: [[Int32]]) -> Targets {
    Targets(.tokens(tokens.flatMap { $0 }), partition: RowPartition(lengths: tokens.map(\.count)))
  }

  /// The number of examples, B.
  public var count: Int { partition.exampleCount }

  /// The number of rows, N: the loss is their mean.
  public var termCount: Int { partition.rowCount }

  /// Whether each example has exactly one row.
  public var hasOneRowEach: Bool { partition == RowPartition(examples: count) }

  /// The targets of the examples with these numbers, in their order.
  public func selected(_ examples: [Int]) -> Targets {
    let rows = examples.flatMap { partition[$0] }
    let kind: Kind =
      switch kind {
      case .classes(let classes): .classes(rows.map { classes[$0] })
      case .values(let values): .values(rows.map { values[$0] })
      case .tokens(let tokens): .tokens(rows.map { tokens[$0] })
      }
    return Targets(kind, partition: RowPartition(lengths: examples.map { partition[$0].count }))
  }
}

extension Tape {
  /// The loss of outputs [N, C]: cross entropy for classes, squared error for values; of hidden
  /// states [N, h] with the map `vocabulary` for tokens.
  public func loss(
    _ outputs: Variable, targets: Targets, vocabulary: VocabularyMap? = nil,
    labelSmoothing: Double = 0
  ) -> Loss {
    switch targets.kind {
    case .classes(let classes):
      return softmaxCrossEntropy(outputs, labels: classes, labelSmoothing: labelSmoothing)
    case .values(let values): return meanSquaredError(outputs, targets: values)
    case .tokens(let tokens):
      guard let vocabulary else {
        preconditionFailure("loss: tokens to predict, and no vocabulary")
      }
      return crossEntropy(outputs, vocabulary, labels: tokens, labelSmoothing: labelSmoothing)
    }
  }
}
