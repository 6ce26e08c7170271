import PEFTModels
import PEFTNetwork
import PEFTSelect
import PEFTTensor
import PEFTText

/// Texts as token ids, with what is to be predicted for them.
public struct EncodedDataset: Sendable {
  private enum Content: Sendable {
    /// Texts or pairs with a target each, or none.
    case texts([Encoding], Targets?)
    /// Sequences of which the tokens from a position on are predicted, each from those before it.
    case completions([[Int32]], predictedFrom: [Int])
    /// Windows of one stream of tokens, each token predicted from those before it.
    case windows([Int32], [TextWindows.Window])
    /// Sequences of which some tokens are hidden and predicted.
    case masked([[Int32]], TokenMasking)
  }

  private let content: Content
  /// The number of tokens of each example.
  public let lengths: [Int]
  /// The number of examples that lost tokens to the maximum length.
  public let truncatedCount: Int

  /// Encodes examples, cut to `maximumLength` tokens each, in parallel. A text without any token is
  /// the token that ends texts.
  public init(
    _ examples: [TextExample], targets: Targets?, tokenizer: Tokenizer,
    maximumLength: Int
  ) {
    let encodings = tokenizer.encode(
      examples.map { ($0.text, $0.pair) }, maximumLength: maximumLength
    ).map { encoding in
      guard encoding.ids.isEmpty else { return encoding }
      return Encoding(ids: [tokenizer.special.end ?? 0], typeIDs: [0], truncated: 0)
    }
    self.init(.texts(encodings, targets), truncatedCount: encodings.count { $0.truncated > 0 })
  }

  /// Sequences whose tokens from `predictedFrom` on, at least 1, are predicted
  /// from those before them.
  init(completions sequences: [[Int32]], predictedFrom: [Int], truncatedCount: Int) {
    self.init(.completions(sequences, predictedFrom: predictedFrom), truncatedCount: truncatedCount)
  }

  /// Windows of a stream of tokens.
  init(stream: [Int32], windows: TextWindows) {
    self.init(.windows(stream, windows.windows(count: stream.count)), truncatedCount: 0)
  }

  /// Sequences of which tokens are hidden.
  init(masked sequences: [[Int32]], masking: TokenMasking) {
    self.init(.masked(sequences, masking), truncatedCount: 0)
  }

  private init(_ content: Content, truncatedCount: Int) {
    self.content = content
    self.truncatedCount = truncatedCount
    lengths =
      switch content {
      case .texts(let encodings, _): encodings.map(\.ids.count)
      case .completions(let sequences, _), .masked(let sequences, _): sequences.map(\.count)
      case .windows(_, let windows): windows.map(\.shown.count)
      }
  }

  /// `count` of the examples, drawn without replacement, in their order; all
  /// where there are no more.
  public func sample(_ count: Int, using generator: SeededGenerator) -> EncodedDataset {
    guard count < self.count else { return self }
    var generator = generator
    let indices = generator.permutation(self.count).prefix(count).sorted()
    let part: Content =
      switch content {
      case .texts(let encodings, let targets):
        .texts(indices.map { encodings[$0] }, targets?.selected(indices))
      case .completions(let sequences, let starts):
        .completions(indices.map { sequences[$0] }, predictedFrom: indices.map { starts[$0] })
      case .windows(let stream, let windows): .windows(stream, indices.map { windows[$0] })
      case .masked(let sequences, let masking): .masked(indices.map { sequences[$0] }, masking)
      }
    return EncodedDataset(part, truncatedCount: truncatedCount)
  }

  /// The number of examples.
  public var count: Int { lengths.count }

  /// What is to be predicted for each text; nil for data without labels, and for language, whose
  /// targets are its tokens.
  public var targets: Targets? {
    if case .texts(_, let targets) = content { targets } else { nil }
  }

  /// The examples with these numbers, packed, as they stand in the data.
  public func texts(_ indices: [Int]) -> PackedBatch {
    switch content {
    case .texts(let encodings, _): return PackedBatch(indices.map { encodings[$0] })
    case .completions(let sequences, _), .masked(let sequences, _):
      return PackedBatch(sequences: indices.map { sequences[$0] })
    case .windows(let stream, let windows):
      return PackedBatch(sequences: indices.map { Array(stream[windows[$0].shown]) })
    }
  }

  /// The examples with these numbers and what is to be predicted for them; nil for
  /// data without labels.
  ///
  /// - Parameter generator: draws what is hidden, where something is; an example's draws
  ///   depend on its number.
  public func examples(
    _ indices: [Int], hidingWith generator: SeededGenerator
  ) -> Batch? {
    switch content {
    case .texts(_, let targets):
      return targets.map {
        Batch(texts: texts(indices), targets: $0.selected(indices))
      }
    case .completions(let sequences, let starts):
      return Self.batch(
        indices.map { index in
          let (ids, first) = (sequences[index], starts[index])
          return (Array(ids.dropLast()), Array(first - 1..<ids.count - 1), Array(ids[first...]))
        })
    case .windows(let stream, let windows):
      return Self.batch(
        indices.map { index in
          let window = windows[index]
          let first = window.shown.lowerBound + 1
          return (
            Array(stream[window.shown]), Array(window.predicted),
            window.predicted.map { stream[first + $0] }
          )
        })
    case .masked(let sequences, let masking):
      return Self.batch(
        indices.map { index in
          var draws = generator.split(index)
          let hidden = masking.hide(sequences[index], using: &draws)
          return (hidden.seen, hidden.positions, hidden.labels)
        })
    }
  }

  private static func batch(
    _ examples: [(ids: [Int32], positions: [Int], labels: [Int32])]
  ) -> Batch {
    Batch(
      texts: PackedBatch(
        sequences: examples.map(\.ids), predicted: examples.map(\.positions)),
      targets: .tokens(examples.map(\.labels)))
  }
}

extension Targets {
  /// The targets of the examples with these numbers.
  fileprivate func selected(_ indices: [Int]) -> Targets {
    switch self {
    case .classes(let classes): .classes(indices.map { classes[$0] })
    case .values(let values): .values(indices.map { values[$0] })
    case .tokens(let labels): .tokens(indices.map { labels[$0] })
    }
  }
}
