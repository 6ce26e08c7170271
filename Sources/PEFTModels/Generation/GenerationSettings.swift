/// How text is generated.
public struct GenerationSettings: Hashable, Sendable {
  /// How the next token is chosen.
  public enum Strategy: Hashable, Sendable {
    /// The most likely token.
    case greedy
    /// A token drawn from the softmax of logits / temperature, restricted to the `topK` most likely
    /// tokens and to the fewest most likely ones that make up `topP` of what is left.
    case sampling(temperature: Double, topK: Int?, topP: Double?)
    /// Beam search with `width` hypotheses; a finished one counts with its log probability divided
    /// by length ^ `lengthPenalty`. With `stopsEarly` it ends as soon as `width` are finished.
    case beams(width: Int, lengthPenalty: Double, stopsEarly: Bool)
  }

  /// How the next token is chosen.
  public var strategy = Strategy.greedy
  /// The most tokens to write.
  public var maximumNewTokens = 64
  /// No n tokens in a row occur twice, in prompt and text together; nil allows it.
  public var blockedRepeat: Int?
  /// Decides what is drawn.
  public var seed: UInt64 = 1
  /// Prompts that are worked on together.
  public var batchSize = 16

  /// Greedy, at most 64 tokens.
  public init() {}
}
