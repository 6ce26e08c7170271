import PEFTNetwork
import PEFTTensor
import PEFTText

/// Texts as token ids, with the targets to predict.
public struct EncodedDataset: Sendable {
  private enum Content: Sendable {
    /// Texts or pairs, each with a target if the data have labels.
    case texts([Encoding], Targets?)
    /// Pairs of texts, encoded apart, each with a score if the data have them.
    case pairs([(first: Encoding, second: Encoding)], Targets?)
    /// Pairs of texts, encoded apart, that are ranked among all pairs of a batch.
    case ranked([(first: Encoding, second: Encoding)])
    /// Texts with predicted rows at some positions, and their targets if the data have labels.
    case rows([Encoding], positions: [[Int]], Targets?)
    /// Sequences whose tokens from a position on are predicted, each from the tokens before it.
    case completions([[Int32]], predictedFrom: [Int])
    /// Sequences with the positions, from 1, of the tokens that are predicted, each from the tokens
    /// before it.
    case turns([[Int32]], predicted: [[Int]])
    /// Windows of one stream of tokens; each token is predicted from the tokens before it.
    case windows([Int32], [TextWindows.Window])
    /// Sequences in which some tokens are masked and predicted.
    case masked([[Int32]], TokenMasking)
  }

  private let content: Content
  /// The number of tokens of each example.
  public let lengths: [Int]
  /// The number of examples that lost tokens to the maximum length.
  public let truncatedCount: Int
  /// The number of tokens that the longest example had before it lost any.
  public let longest: Int

  /// Encodes examples in parallel, each truncated to `maximumLength` tokens. A text without tokens
  /// becomes the end-of-text token.
  public init(
    _ examples: [TextExample], targets: Targets?, tokenizer: Tokenizer,
    maximumLength: Int
  ) {
    let encodings = tokenizer.encode(
      examples.map { ($0.text, $0.pair) }, maximumLength: maximumLength
    ).map { $0.orEnd(of: tokenizer) }
    self.init(
      .texts(encodings, targets), truncatedCount: encodings.count { $0.truncated > 0 },
      longest: Self.longest(encodings))
  }

  /// Pairs of texts that are encoded apart and compared, each text truncated to `maximumLength`
  /// tokens. A text without tokens becomes the end-of-text token.
  ///
  /// - Parameter isRanked: whether each pair is ranked among the pairs of a batch; otherwise
  ///   `targets` are their scores.
  init(
    comparing pairs: [(first: String, second: String)], targets: Targets?, isRanked: Bool,
    tokenizer: Tokenizer, maximumLength: Int
  ) {
    let encodings = tokenizer.encode(
      pairs.flatMap { [($0.first, nil), ($0.second, nil)] }, maximumLength: maximumLength
    ).map { $0.orEnd(of: tokenizer) }
    let encoded = stride(from: 0, to: encodings.count, by: 2).map {
      (first: encodings[$0], second: encodings[$0 + 1])
    }
    self.init(
      isRanked ? .ranked(encoded) : .pairs(encoded, targets),
      truncatedCount: encoded.count { max($0.first.truncated, $0.second.truncated) > 0 },
      longest: Self.longest(encodings))
  }

  /// Texts given word by word, each truncated to `maximumLength` tokens. The first token of every
  /// word is predicted; `classes` has one class for each word.
  init(
    words examples: [TextExample], classes: [[Int]]?, tokenizer: Tokenizer, maximumLength: Int
  ) {
    let encodings = tokenizer.encode(
      words: examples.map { $0.words.map(\.text) }, maximumLength: maximumLength)
    let starts = encodings.map { encoding in
      encoding.wordIndices.indices.filter { position in
        let word = encoding.wordIndices[position]
        return word != nil && (position == 0 || word != encoding.wordIndices[position - 1])
      }
    }
    let targets = classes.map { classes in
      Targets.classes(
        ofRows: zip(encodings, starts).enumerated().map { index, pair in
          pair.1.compactMap { pair.0.wordIndices[$0] }.map { classes[index][$0] }
        })
    }
    self.init(
      .rows(encodings, positions: starts, targets),
      truncatedCount: encodings.count { $0.truncated > 0 }, longest: Self.longest(encodings))
  }

  private static func longest(_ encodings: [Encoding]) -> Int {
    encodings.reduce(0) { max($0, $1.ids.count + $1.truncated) }
  }

  /// Sequences whose tokens from `predictedFrom` on (at least 1) are predicted from the tokens
  /// before them; `longest` is the length of the longest before it was truncated.
  init(
    completions sequences: [[Int32]], predictedFrom: [Int], truncatedCount: Int, longest: Int
  ) {
    self.init(
      .completions(sequences, predictedFrom: predictedFrom), truncatedCount: truncatedCount,
      longest: longest)
  }

  /// Sequences of which the tokens at the positions `predicted`, ascending from 1, are predicted
  /// from the tokens before them; `longest` is the length of the longest before it was truncated.
  init(sequences: [[Int32]], predicted: [[Int]], truncatedCount: Int, longest: Int) {
    self.init(
      .turns(sequences, predicted: predicted), truncatedCount: truncatedCount, longest: longest)
  }

  /// Windows of a stream of tokens.
  init(stream: [Int32], windows: TextWindows) {
    self.init(.windows(stream, windows.windows(count: stream.count)), truncatedCount: 0)
  }

  /// Sequences with tokens to mask.
  init(masked sequences: [[Int32]], masking: TokenMasking) {
    self.init(.masked(sequences, masking), truncatedCount: 0)
  }

  private init(_ content: Content, truncatedCount: Int, longest: Int? = nil) {
    self.content = content
    self.truncatedCount = truncatedCount
    let lengths =
      switch content {
      case .texts(let encodings, _), .rows(let encodings, _, _): encodings.map(\.ids.count)
      case .pairs(let pairs, _), .ranked(let pairs):
        pairs.map { $0.first.ids.count + $0.second.ids.count }
      case .completions(let sequences, _), .turns(let sequences, _), .masked(let sequences, _):
        sequences.map(\.count)
      case .windows(_, let windows): windows.map(\.shown.count)
      }
    self.lengths = lengths
    self.longest = longest ?? lengths.max() ?? 0
  }

  /// A sample of `count` examples without replacement, in their original order; all examples if
  /// there are no more than `count`.
  public func sample(_ count: Int, using generator: SeededGenerator) -> EncodedDataset {
    guard count < self.count else { return self }
    var generator = generator
    let indices = generator.permutation(self.count).prefix(count).sorted()
    let part: Content =
      switch content {
      case .texts(let encodings, let targets):
        .texts(indices.map { encodings[$0] }, targets?.selected(indices))
      case .pairs(let pairs, let targets):
        .pairs(indices.map { pairs[$0] }, targets?.selected(indices))
      case .ranked(let pairs): .ranked(indices.map { pairs[$0] })
      case .rows(let encodings, let positions, let targets):
        .rows(
          indices.map { encodings[$0] }, positions: indices.map { positions[$0] },
          targets?.selected(indices))
      case .completions(let sequences, let starts):
        .completions(indices.map { sequences[$0] }, predictedFrom: indices.map { starts[$0] })
      case .turns(let sequences, let predicted):
        .turns(indices.map { sequences[$0] }, predicted: indices.map { predicted[$0] })
      case .windows(let stream, let windows): .windows(stream, indices.map { windows[$0] })
      case .masked(let sequences, let masking): .masked(indices.map { sequences[$0] }, masking)
      }
    return EncodedDataset(part, truncatedCount: truncatedCount, longest: longest)
  }

  /// The number of examples.
  public var count: Int { lengths.count }

  /// The largest number of tokens before the first predicted one of a completion or a conversation;
  /// 0 for other data.
  package var longestPrompt: Int {
    switch content {
    case .completions(_, let starts): starts.max() ?? 0
    case .turns(_, let predicted): predicted.compactMap(\.first).max() ?? 0
    case .texts, .pairs, .ranked, .rows, .windows, .masked: 0
    }
  }

  /// The tokens of the example at `index`, and whether each is predicted; nil unless it is a
  /// completion or a conversation.
  package func learnt(_ index: Int) -> (ids: [Int32], isLearnt: [Bool])? {
    switch content {
    case .completions(let sequences, let starts):
      let ids = sequences[index]
      return (ids, ids.indices.map { $0 >= starts[index] })
    case .turns(let sequences, let predicted):
      let places = Set(predicted[index])
      return (sequences[index], sequences[index].indices.map { places.contains($0) })
    case .texts, .pairs, .ranked, .rows, .windows, .masked: return nil
    }
  }

  /// The target of each text or pair; nil for data without labels, and for language data, whose
  /// targets are their tokens. The target of a ranked pair is the first rank, 1.
  public var targets: Targets? {
    switch content {
    case .texts(_, let targets), .pairs(_, let targets), .rows(_, _, let targets): targets
    case .ranked(let pairs): .values(pairs.map { _ in 1 })
    case .completions, .turns, .windows, .masked: nil
    }
  }

  /// The token ids of ranked pairs; nil for other data.
  package var rankedPairs: [(first: [Int32], second: [Int32])]? {
    guard case .ranked(let pairs) = content else { return nil }
    return pairs.map { ($0.first.ids, $0.second.ids) }
  }

  /// The masking of data in which some tokens are masked; nil for other data.
  var masking: TokenMasking? {
    if case .masked(_, let masking) = content { masking } else { nil }
  }

  /// The number of predicted rows of the example at `index`.
  public func predictedCount(_ index: Int) -> Int {
    switch content {
    case .texts, .pairs, .ranked: 1
    case .rows(_, let positions, _): positions[index].count
    case .completions(let sequences, let starts): sequences[index].count - starts[index]
    case .turns(_, let predicted): predicted[index].count
    case .windows(_, let windows): windows[index].predicted.count
    case .masked(let sequences, _): sequences[index].count
    }
  }

  /// The word of each predicted row of the example at `index`, if texts were given word by word;
  /// otherwise empty.
  public func predictedWords(_ index: Int) -> [Int] {
    guard case .rows(let encodings, let positions, _) = content else { return [] }
    return positions[index].compactMap { encodings[index].wordIndices[$0] }
  }

  /// The examples at `indices`, packed and unmasked. The texts of a pair that is compared are
  /// adjacent sequences.
  public func texts(_ indices: [Int]) -> PackedBatch {
    switch content {
    case .texts(let encodings, _): return PackedBatch(indices.map { encodings[$0] })
    case .pairs(let pairs, _), .ranked(let pairs):
      return PackedBatch(indices.flatMap { [pairs[$0].first, pairs[$0].second] })
    case .rows(let encodings, let positions, _):
      return PackedBatch(
        sequences: indices.map { encodings[$0].ids },
        typeIDs: indices.map { encodings[$0].typeIDs }, predicted: indices.map { positions[$0] })
    case .completions(let sequences, _), .turns(let sequences, _), .masked(let sequences, _):
      return PackedBatch(sequences: indices.map { sequences[$0] })
    case .windows(let stream, let windows):
      return PackedBatch(sequences: indices.map { Array(stream[windows[$0].shown]) })
    }
  }

  /// The examples at `indices` with their targets; nil for data without labels.
  ///
  /// - Parameter generator: chooses the tokens to mask, if any; the choice in an example depends on
  ///   the example's index.
  public func examples(
    _ indices: [Int], maskingWith generator: SeededGenerator
  ) -> Batch? {
    switch content {
    case .texts(_, let targets), .pairs(_, let targets), .rows(_, _, let targets):
      return targets.map {
        Batch(texts: texts(indices), targets: $0.selected(indices))
      }
    case .ranked:
      return Batch(
        texts: texts(indices), targets: .classes(ofRows: [Array(indices.indices)]))
    case .completions(let sequences, let starts):
      return Self.batch(
        indices.map { index in
          let (ids, first) = (sequences[index], starts[index])
          return (Array(ids.dropLast()), Array(first - 1..<ids.count - 1), Array(ids[first...]))
        })
    case .turns(let sequences, let predicted):
      return Self.batch(
        indices.map { index in
          let (ids, places) = (sequences[index], predicted[index])
          return (Array(ids.dropLast()), places.map { $0 - 1 }, places.map { ids[$0] })
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

extension Encoding {
  /// The encoding, or the end-of-text token if it has no tokens.
  fileprivate func orEnd(of tokenizer: Tokenizer) -> Encoding {
    guard ids.isEmpty else { return self }
    return Encoding(ids: [tokenizer.special.end ?? 0], typeIDs: [0], truncated: 0)
  }
}
