import PEFTTensor

/// Where a training run stands between two steps: all that the steps after it depend on besides model,
/// data and settings.
public struct TrainingState: Sendable {
  /// The best evaluation so far.
  public struct Best: Sendable {
    /// After which step.
    public let step: Int
    /// What it found.
    public let metrics: [(name: String, value: Double)]
    /// The values of what trains, in the order of the model.
    public let values: [Tensor]
  }

  /// Steps taken.
  public let step: Int
  /// The values of what trains, in the order of the model.
  public let values: [Tensor]
  /// The optimizer.
  public let optimizer: AdamW.State
  /// The best evaluation; nil before the first.
  public let best: Best?
  /// Evaluations since then.
  public let evaluationsSinceBest: Int
}
