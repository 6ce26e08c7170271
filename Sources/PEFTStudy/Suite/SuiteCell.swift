import PEFTRuns
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
  /// Everything that distinguishes this run: settings and SHA-256 of its inputs. Runs with equal
  /// recipes produce equal bits.
  var recipe: JSONObject

  /// A metric of a split.
  public subscript(metric: String, split: String) -> Double? {
    metrics.first { $0.split == split }?.values.first { $0.name == metric }?.value
  }

  /// Whether a loss or gradient was not finite, so that there is no result.
  public var isDiverged: Bool { metrics.isEmpty }

  private static let formatVersion = 1

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
    let remedy = "remove the file and resume the suite"
    guard document["format"]?.integer == Self.formatVersion,
      let seed = document["seed"]?.string.flatMap({ UInt64($0) }),
      let splits = document["metrics"]?.object, let found = document["recipe"]?.object
    else {
      throw FileError(
        .malformed, path: path, reason: "not the result of a suite's run of this version",
        remedy: remedy)
    }
    try Recipe.check(found, is: recipe, path: path)
    let numbers = CheckedNumbers(document, path: path, remedy: remedy)
    self.init(
      seed: seed, learningRate: try numbers.number("learningRate"),
      trainable: try numbers.count("trainable"), head: try numbers.count("head"),
      parameters: try numbers.count("parameters", in: 1...CheckedNumbers.largestCount),
      storedBytes: try numbers.count("storedBytes"), steps: try numbers.count("steps"),
      seconds: try numbers.seconds("seconds"), probeSeconds: try numbers.seconds("probeSeconds"),
      peakMemory: try numbers.count("peakMemory"),
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
