import PEFTNetwork
import PEFTTensor

extension EncodedDataset {
  /// How often each target occurs; nil for data without labels.
  ///
  /// - Parameters:
  ///   - classCount: C, the number of classes, if the data have classes.
  ///   - vocabularySize: the number of tokens of the vocabulary.
  ///   - generator: chooses the tokens to mask, if any. If it is nil, all tokens that may be masked
  ///     are counted.
  public func targetCounts(
    classCount: Int, vocabularySize: Int, maskingWith generator: SeededGenerator? = nil
  ) -> TargetCounts? {
    if let targets {
      return TargetCounts(targets, classCount: classCount, vocabularySize: vocabularySize)
    }
    var counts: [Int32: Int] = [:]
    for index in 0..<count {
      guard let tokens = predictedTokens(index, maskingWith: generator) else { return nil }
      for token in tokens { counts[token, default: 0] += 1 }
    }
    return .tokens(counts, vocabularySize: vocabularySize)
  }

  /// The tokens that are predicted in the example at `index`; nil if it has none, for data without
  /// labels.
  private func predictedTokens(_ index: Int, maskingWith generator: SeededGenerator?) -> [Int32]? {
    if let masking, generator == nil {
      return texts([index]).ids.filter { !masking.specialIDs.contains($0) }
    }
    let unused = SeededGenerator(seed: 0, purpose: "unused")
    guard let batch = examples([index], maskingWith: generator ?? unused),
      case .tokens(let tokens) = batch.targets.kind
    else { return nil }
    return tokens
  }
}
