import PEFTTensor
import PEFTText

/// Masking for masked language models (Devlin et al. 2018): of the chosen tokens, 80 % become the
/// mask token, 10 % become a random token, and 10 % stay the same.
public struct TokenMasking: Hashable, Sendable {
  /// The fraction of tokens that are chosen.
  public static let share = 0.15

  /// The id of the mask token.
  public let maskID: Int32
  /// The number of tokens in the vocabulary.
  public let vocabularySize: Int
  /// The ids that are never chosen.
  public let specialIDs: Set<Int32>

  /// Masking with the special tokens of `tokenizer`; nil if the tokenizer has no mask token.
  public init?(_ tokenizer: Tokenizer) {
    let special = tokenizer.special
    guard let mask = special.mask else { return nil }
    maskID = mask
    vocabularySize = tokenizer.vocabularySize
    specialIDs = Set(
      [special.begin, special.end, special.padding, special.mask].compactMap(\.self))
  }

  /// Masks tokens of `ids`: at least one if any token may be masked.
  ///
  /// - Returns: the model's input, the chosen positions in ascending order, and their original
  ///   tokens.
  public func hide(
    _ ids: [Int32], using generator: inout SeededGenerator
  ) -> (seen: [Int32], positions: [Int], labels: [Int32]) {
    let candidates = ids.indices.filter { !specialIDs.contains(ids[$0]) }
    var positions = candidates.filter { _ in generator.uniform() < Self.share }
    if positions.isEmpty, !candidates.isEmpty {
      positions = [
        candidates[min(candidates.count - 1, Int(generator.uniform() * Double(candidates.count)))]
      ]
    }
    var seen = ids
    for position in positions {
      let choice = generator.uniform()
      if choice < 0.8 {
        seen[position] = maskID
      } else if choice < 0.9 {
        seen[position] = Int32(
          min(vocabularySize - 1, Int(generator.uniform() * Double(vocabularySize))))
      }
    }
    return (seen, positions, positions.map { ids[$0] })
  }
}
