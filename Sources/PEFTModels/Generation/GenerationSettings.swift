/// The settings of text generation.
public struct GenerationSettings: Hashable, Sendable {
  /// A way to choose the next token.
  public enum Strategy: Hashable, Sendable {
    /// Takes the most likely token.
    case greedy
    /// Samples from the softmax of logits / temperature, restricted to the `topK` most likely
    /// tokens, and then to the smallest set of most likely tokens whose share of the remaining
    /// probability reaches `topP`.
    case sampling(temperature: Double, topK: Int?, topP: Double?)
    /// Beam search with `width` hypotheses. The score of a finished one is its log probability
    /// divided by length ^ `lengthPenalty`. With `stopsEarly`, the search ends as soon as `width`
    /// hypotheses are finished.
    case beams(width: Int, lengthPenalty: Double, stopsEarly: Bool)
  }

  /// The way to choose the next token.
  public var strategy = Strategy.greedy
  /// The maximum number of new tokens.
  public var maximumNewTokens = 64
  /// Never repeats an n-gram of this length within prompt and output; nil allows repeats.
  public var blockedRepeat: Int?
  /// The seed for sampling.
  public var seed: UInt64 = 1
  /// The number of prompts that are processed together.
  public var batchSize = 16

  /// Creates settings for greedy generation of at most 64 tokens.
  public init() {}
}
