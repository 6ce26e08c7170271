import PEFTTensor
import PEFTText

/// Which tokens are hidden from a masked language model, and how (Devlin et al. 2018): of the
/// chosen ones 80 % become the mask, 10 % a random token, 10 % stay.
public struct TokenMasking: Hashable, Sendable {
  /// The share of tokens that are chosen.
  public static let share = 0.15

  /// Stands for a hidden token.
  public let maskID: Int32
  /// The number of tokens.
  public let vocabularySize: Int
  /// Tokens that are never chosen.
  public let specialIDs: Set<Int32>

  /// Masking with the special tokens of `tokenizer`; nil where it has no mask.
  public init?(_ tokenizer: Tokenizer) {
    let special = tokenizer.special
    guard let mask = special.mask else { return nil }
    maskID = mask
    vocabularySize = tokenizer.vocabularySize
    specialIDs = Set(
      [special.begin, special.end, special.padding, special.mask].compactMap(\.self))
  }

  /// Hides tokens of `ids`, at least one where there is one that may be.
  ///
  /// - Returns: what the model sees, the positions that were chosen, ascending,
  ///   and what stood there.
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
