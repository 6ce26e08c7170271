/// One training run of a study.
public struct StudyRun: Sendable {
  /// The seed of everything random.
  public var seed: UInt64
  /// The learning rate.
  public var learningRate: Double
  /// The number of trained parameters, including the head.
  public var trainable: Int
  /// The number of steps taken; 0 if training diverged.
  public var steps: Int
  /// The time of the steps in seconds.
  public var seconds: Double
  /// The time of probing and selecting in seconds, if the method needed it.
  public var probeSeconds: Double
  /// Metrics by split; empty if training diverged.
  public var metrics: [(split: String, values: [(name: String, value: Double)])]
  /// The resources of the run; nil if not measured.
  public var footprint: Footprint?

  /// The resources of a run.
  public struct Footprint: Hashable, Sendable {
    /// The number of parameters of the head.
    public var head: Int
    /// The number of all parameters of the model, without adapters.
    public var parameters: Int
    /// The size in bytes of the file with the trained tensors.
    public var storedBytes: Int
    /// The peak resident memory of the process during the run, in bytes.
    public var peakMemory: Int

    package init(head: Int, parameters: Int, storedBytes: Int, peakMemory: Int) {
      self.head = head
      self.parameters = parameters
      self.storedBytes = storedBytes
      self.peakMemory = peakMemory
    }
  }

  /// Creates a run with these numbers.
  package init(
    seed: UInt64, learningRate: Double, trainable: Int, steps: Int, seconds: Double,
    probeSeconds: Double, metrics: [(split: String, values: [(name: String, value: Double)])],
    footprint: Footprint? = nil
  ) {
    self.seed = seed
    self.learningRate = learningRate
    self.trainable = trainable
    self.steps = steps
    self.seconds = seconds
    self.probeSeconds = probeSeconds
    self.metrics = metrics
    self.footprint = footprint
  }

  /// A metric of a split.
  public subscript(metric: String, split: String) -> Double? {
    metrics.first { $0.split == split }?.values.first { $0.name == metric }?.value
  }

  /// Whether a loss or gradient was not finite, so that there is no result.
  public var isDiverged: Bool { metrics.isEmpty }
}

/// A run as one of its row's runs.
public struct StudyTrial: Sendable {
  /// The run.
  public let run: StudyRun
  /// Whether its learning rate was chosen; other rates were only tried.
  public let isChosen: Bool

  /// Creates a trial.
  package init(run: StudyRun, isChosen: Bool) {
    self.run = run
    self.isChosen = isChosen
  }
}
