import PEFTTensor

/// Where a training run stands between two steps: all that the steps after it depend on besides
/// model, data and settings.
public struct TrainingState: Sendable {
  /// The best evaluation so far.
  public struct Best: Sendable {
    /// After which step.
    public let step: Int
    /// What it found.
    public let metrics: [(name: String, value: Double)]
    /// What trained then, by the parameter's name, where a method chooses elements while training.
    public let elements: [String: [Int]]
    /// The values then of what trains now, by the parameter's name.
    public let values: [String: Tensor]

    package init(
      step: Int, metrics: [(name: String, value: Double)], elements: [String: [Int]],
      values: [String: Tensor]
    ) {
      self.step = step
      self.metrics = metrics
      self.elements = elements
      self.values = values
    }
  }

  /// Steps taken.
  public let step: Int
  /// The elements that train, by the parameter's name, where a method chooses them while training.
  public let elements: [String: [Int]]
  /// The values of what trains, by the parameter's name.
  public let values: [String: Tensor]
  /// The optimizer.
  public let optimizer: OptimizerState
  /// The best evaluation; nil before the first.
  public let best: Best?
  /// Evaluations since then.
  public let evaluationsSinceBest: Int
  /// What it took.
  public let effort: TrainingEffort
  /// Whether the evaluation after the last step was begun and not ended: a run that goes on from
  /// here makes it first.
  public let isEvaluationDue: Bool

  package init(
    step: Int, elements: [String: [Int]], values: [String: Tensor], optimizer: OptimizerState,
    best: Best?, evaluationsSinceBest: Int, effort: TrainingEffort, isEvaluationDue: Bool = false
  ) {
    self.step = step
    self.elements = elements
    self.values = values
    self.optimizer = optimizer
    self.best = best
    self.evaluationsSinceBest = evaluationsSinceBest
    self.effort = effort
    self.isEvaluationDue = isEvaluationDue
  }
}

/// Wall clock of the steps of a run, all its processes together.
public struct TrainingEffort: Hashable, Sendable {
  /// Seconds of all steps, evaluations left out.
  public internal(set) var seconds = 0.0
  /// Tokens in the steps after the first two of a process, which may still build caches.
  public internal(set) var warmTokens = 0
  /// Seconds of these steps.
  public internal(set) var warmSeconds = 0.0

  package init(seconds: Double = 0, warmTokens: Int = 0, warmSeconds: Double = 0) {
    self.seconds = seconds
    self.warmTokens = warmTokens
    self.warmSeconds = warmSeconds
  }

  /// Tokens a second in these steps; 0 without any.
  public var tokensPerSecond: Double { warmSeconds > 0 ? Double(warmTokens) / warmSeconds : 0 }
}
