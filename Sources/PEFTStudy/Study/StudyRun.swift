/// One training run of a study.
public struct StudyRun: Sendable {
  /// Decided everything random.
  public var seed: UInt64
  /// The learning rate.
  public var learningRate: Double
  /// Parameters that trained, the head included.
  public var trainable: Int
  /// Steps taken; 0 where training diverged.
  public var steps: Int
  /// Seconds of the steps.
  public var seconds: Double
  /// Seconds of probing and selecting, where that came first.
  public var probeSeconds: Double
  /// Metrics by split; empty where training diverged.
  public var metrics: [(split: String, values: [(name: String, value: Double)])]
  /// What it took up; nil where that was not measured.
  public var footprint: Footprint?

  /// What a run takes up.
  public struct Footprint: Hashable, Sendable {
    /// Parameters of the head.
    public var head: Int
    /// All parameters of the model, additions left out.
    public var parameters: Int
    /// Bytes of the file of the tensors that trained.
    public var storedBytes: Int
    /// The most memory that the process had resident during the run, in bytes.
    public var peakMemory: Int

    package init(head: Int, parameters: Int, storedBytes: Int, peakMemory: Int) {
      self.head = head
      self.parameters = parameters
      self.storedBytes = storedBytes
      self.peakMemory = peakMemory
    }
  }

  /// A run with these numbers.
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

/// A run among those of its row.
public struct StudyTrial: Sendable {
  /// The run.
  public let run: StudyRun
  /// Whether its learning rate is the one chosen; the others were only tried.
  public let isChosen: Bool

  /// A run among those of its row.
  package init(run: StudyRun, isChosen: Bool) {
    self.run = run
    self.isChosen = isChosen
  }
}
