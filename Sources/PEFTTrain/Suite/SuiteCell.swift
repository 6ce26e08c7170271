import PEFTTensor

/// One training run of a suite, as its file holds it.
public struct SuiteCell: Sendable {
  /// Decided everything random.
  public var seed: UInt64
  /// The learning rate.
  public var learningRate: Double
  /// Parameters that trained, the head included.
  public var trainable: Int
  /// Those of the head.
  public var head: Int
  /// All parameters of the model, additions left out.
  public var parameters: Int
  /// Bytes of the file of the tensors that trained.
  public var storedBytes: Int
  /// Steps taken; 0 where training diverged.
  public var steps: Int
  /// Seconds of the steps.
  public var seconds: Double
  /// Seconds of probing and choosing, where that went before.
  public var probeSeconds: Double
  /// The most memory that the process had resident during the run, in bytes.
  public var peakMemory: Int
  /// Metrics by split; empty where training diverged.
  public var metrics: [(split: String, values: [(name: String, value: Double)])]
  /// All that another run would have otherwise.
  var recipe: JSONObject

  /// A metric of a split.
  public subscript(metric: String, split: String) -> Double? {
    metrics.first { $0.split == split }?.values.first { $0.name == metric }?.value
  }

  /// Whether a loss or gradient was not finite, so that there is no result.
  public var isDiverged: Bool { metrics.isEmpty }

  private static let formatVersion = 1
  /// The most that a count may be.
  private static let numberLimit = 1 << 50

  /// The document.
  var json: JSONValue {
    var splits = JSONObject()
    for (split, values) in metrics { splits[split] = RunManifest.json(of: values) }
    return .object([
      "format": .integer(Self.formatVersion), "seed": .string(String(seed)),
      "learningRate": .number(learningRate), "trainable": .integer(trainable),
      "head": .integer(head), "parameters": .integer(parameters),
      "storedBytes": .integer(storedBytes), "steps": .integer(steps),
      "seconds": .number(seconds), "probeSeconds": .number(probeSeconds),
      "peakMemory": .integer(peakMemory), "metrics": .object(splits), "recipe": .object(recipe),
    ])
  }

  /// Reads the file of a run; `recipe` is what it must have been made by.
  init(_ path: String, recipe: JSONObject) throws(FileError) {
    let document = try JSONValue(contentsOf: path)
    guard document["format"]?.integer == Self.formatVersion,
      let seed = document["seed"]?.string.flatMap({ UInt64($0) }),
      let rate = document["learningRate"]?.double, let trainable = document["trainable"]?.integer,
      let head = document["head"]?.integer, let parameters = document["parameters"]?.integer,
      let stored = document["storedBytes"]?.integer, let steps = document["steps"]?.integer,
      let seconds = document["seconds"]?.double, let probe = document["probeSeconds"]?.double,
      let memory = document["peakMemory"]?.integer, let splits = document["metrics"]?.object,
      let found = document["recipe"]?.object,
      [trainable, head, parameters, stored, steps, memory].allSatisfy(
        (0...Self.numberLimit).contains), parameters > 0
    else {
      throw FileError(
        .malformed, path: path, reason: "not the result of a suite's run of this version",
        remedy: "remove the file and resume the suite")
    }
    try CheckpointStore.check(found, is: recipe, path: path)
    self.init(
      seed: seed, learningRate: rate, trainable: trainable, head: head, parameters: parameters,
      storedBytes: stored, steps: steps, seconds: seconds, probeSeconds: probe, peakMemory: memory,
      metrics: splits.members.map { ($0.key, RunManifest.metrics($0.value)) }, recipe: found)
  }

  /// A run with these numbers.
  package init(
    seed: UInt64, learningRate: Double, trainable: Int, head: Int, parameters: Int,
    storedBytes: Int, steps: Int, seconds: Double, probeSeconds: Double, peakMemory: Int,
    metrics: [(split: String, values: [(name: String, value: Double)])], recipe: JSONObject
  ) {
    self.seed = seed
    self.learningRate = learningRate
    self.trainable = trainable
    self.head = head
    self.parameters = parameters
    self.storedBytes = storedBytes
    self.steps = steps
    self.seconds = seconds
    self.probeSeconds = probeSeconds
    self.peakMemory = peakMemory
    self.metrics = metrics
    self.recipe = recipe
  }
}
