import PEFTModels
import PEFTSelect
import PEFTTensor

/// Texts as token ids, with what is to be predicted for them.
public struct EncodedDataset: Sendable {
  /// One encoding for each example.
  public let encodings: [Encoding]
  /// What to predict; nil for data without labels.
  public let targets: Targets?
  /// The number of tokens of each example.
  public let lengths: [Int]

  /// Encodes examples, cut to `maximumLength` tokens each, in parallel.
  public init(
    _ examples: [TextExample], targets: Targets?, tokenizer: Tokenizer,
    maximumLength: Int
  ) {
    encodings = tokenizer.encode(
      examples.map { ($0.text, $0.pair) }, maximumLength: maximumLength)
    lengths = encodings.map(\.ids.count)
    self.targets = targets
  }

  /// `count` of the examples, drawn without replacement, in their order; all where there are no more.
  public func sample(_ count: Int, using generator: SeededGenerator) -> EncodedDataset {
    guard count < self.count else { return self }
    var generator = generator
    let indices = generator.permutation(self.count).prefix(count).sorted()
    return EncodedDataset(
      encodings: indices.map { encodings[$0] }, targets: targets(indices),
      lengths: indices.map { lengths[$0] })
  }

  private init(encodings: [Encoding], targets: Targets?, lengths: [Int]) {
    self.encodings = encodings
    self.targets = targets
    self.lengths = lengths
  }

  /// The number of examples.
  public var count: Int { encodings.count }

  /// The number of examples that lost tokens to `maximumLength`.
  public var truncatedCount: Int { encodings.count { $0.truncated > 0 } }

  /// The examples with these numbers, packed.
  public func batch(_ indices: [Int]) -> PackedBatch { PackedBatch(indices.map { encodings[$0] }) }

  /// The targets of the examples with these numbers.
  public func targets(_ indices: [Int]) -> Targets? {
    switch targets {
    case .classes(let classes): .classes(indices.map { classes[$0] })
    case .values(let values): .values(indices.map { values[$0] })
    case nil: nil
    }
  }
}
