import PEFTTensor

/// The state of a training run between two steps: everything, other than model, data and settings,
/// on which the following steps depend.
public struct TrainingState: Sendable {
  /// The best evaluation so far.
  public struct Best: Sendable {
    /// The step after which it took place.
    public let step: Int
    /// Its metrics.
    public let metrics: [(name: String, value: Double)]
    /// The parameters of which only some rows or elements trained then or before, by name.
    public let elements: [String: TrainingHistory]
    /// The values at that time of what has trained until now, by parameter name.
    public let values: [String: Tensor]

    package init(
      step: Int, metrics: [(name: String, value: Double)], elements: [String: TrainingHistory],
      values: [String: Tensor]
    ) {
      self.step = step
      self.metrics = metrics
      self.elements = elements
      self.values = values
    }
  }

  /// The number of steps taken.
  public let step: Int
  /// The parameters of which only some rows or elements train or trained, by name.
  public let elements: [String: TrainingHistory]
  /// The values of the parameters or elements that train or trained, and of the frozen parameters
  /// of adapters, by parameter name.
  public let values: [String: Tensor]
  /// The optimizer's state.
  public let optimizer: OptimizerState
  /// The best evaluation; nil before the first.
  public let best: Best?
  /// The state of the method's session: tensors by slot and parameter.
  public let session: [String: [String: Tensor]]
  /// The number of evaluations since the best one.
  public let evaluationsSinceBest: Int
  /// The time and tokens spent so far.
  public let effort: TrainingEffort
  /// Whether the evaluation after the last step was started but not finished.
  ///
  /// A run that resumes from here makes it first.
  public let isEvaluationDue: Bool

  package init(
    step: Int, elements: [String: TrainingHistory], values: [String: Tensor],
    optimizer: OptimizerState,
    best: Best?, session: [String: [String: Tensor]] = [:], evaluationsSinceBest: Int,
    effort: TrainingEffort, isEvaluationDue: Bool = false
  ) {
    self.step = step
    self.elements = elements
    self.values = values
    self.optimizer = optimizer
    self.best = best
    self.session = session
    self.evaluationsSinceBest = evaluationsSinceBest
    self.effort = effort
    self.isEvaluationDue = isEvaluationDue
  }
}

/// The wall-clock time of a run's steps, summed over all processes that continued it.
public struct TrainingEffort: Hashable, Sendable {
  /// The time of all steps in seconds, without evaluations, and of choosing what trains.
  public internal(set) var seconds = 0.0
  /// The part of `seconds` in which what trains was chosen, before the first step and again later.
  public internal(set) var choosingSeconds = 0.0
  /// The number of tokens in the steps of each process after its first two, which may still build
  /// caches.
  public internal(set) var warmTokens = 0
  /// The time of these steps in seconds.
  public internal(set) var warmSeconds = 0.0

  package init(
    seconds: Double = 0, warmTokens: Int = 0, warmSeconds: Double = 0, choosingSeconds: Double = 0
  ) {
    self.seconds = seconds
    self.choosingSeconds = choosingSeconds
    self.warmTokens = warmTokens
    self.warmSeconds = warmSeconds
  }

  /// Tokens per second in these steps; 0 without such steps.
  public var tokensPerSecond: Double { warmSeconds > 0 ? Double(warmTokens) / warmSeconds : 0 }
}
