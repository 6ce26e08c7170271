import PEFTData
import PEFTModels
import PEFTTensor
import PEFTTrain

/// The contents of a run directory and how they were made: `run.json`, written last.
public struct RunManifest: Sendable {
  /// The file with the settings, beside the manifest.
  package static let settingsName = "settings.json"

  /// The directory of the base model.
  public var modelDirectory: String
  /// The SHA-256 of the base model's weights, configuration and tokenizer files, by name; of only
  /// the weights in a run of an earlier version.
  public var modelFiles: [String: String]
  /// The adaptation method.
  public var method: any AdaptationMethod
  /// The task of the model.
  public var task: any PredictionTask
  /// How the head reads the tokens.
  public var pooling: Pooling
  /// The longest sequence, in tokens.
  public var maximumLength: Int
  /// The seed of everything random.
  public var seed: UInt64
  /// The number of trained parameters, and of all parameters.
  public var counts: (trainable: Int, parameters: Int)
  /// The outcome of training.
  public var outcome: TrainingOutcome
  /// Metrics by split.
  public var metrics: [(split: String, values: [(name: String, value: Double)])]
  /// Whether the texts of the training data were pairs; nil if this is not recorded, as in a run of
  /// an earlier version.
  public var hasPairs: Bool?
  /// How the run found its learning rate; nil if the rate was set.
  public var rates: RateSearch?
  /// What the metrics are judged by.
  public var checks = ScoreChecks()
  /// The SHA-256 of the run's own files, by name.
  public var files: [String: String]
  /// Everything that distinguishes this run: settings and SHA-256 of its inputs. Runs with equal
  /// recipes produce equal bits. Nil for a delta.
  public var recipe: JSONObject?

  /// The manifest of a run that has just ended.
  public init(
    modelDirectory: String, modelFiles: [String: String], method: any AdaptationMethod,
    task: any PredictionTask, pooling: Pooling, maximumLength: Int, seed: UInt64,
    counts: (trainable: Int, parameters: Int), outcome: TrainingOutcome,
    metrics: [(split: String, values: [(name: String, value: Double)])]
  ) {
    self.modelDirectory = modelDirectory
    self.modelFiles = modelFiles
    self.method = method
    self.task = task
    self.pooling = pooling
    self.maximumLength = maximumLength
    self.seed = seed
    self.counts = counts
    self.outcome = outcome
    self.metrics = metrics
    files = [:]
  }
}

extension RunManifest {
  /// The names of all metrics, in the order of the splits.
  public var metricNames: [String] {
    var names: [String] = []
    for name in metrics.flatMap({ $0.values.map(\.name) }) where !names.contains(name) {
      names.append(name)
    }
    return names
  }

  /// The version number of the format without a digest of itself, as the first version wrote it.
  static let formatVersion = 1
  /// The version number of the format with a digest of itself.
  static let sealedFormatVersion = 2

  /// Metrics as a JSON object.
  public static func json(of metrics: [(name: String, value: Double)]) -> JSONValue {
    var object = JSONObject()
    for (name, value) in metrics { object[name] = .number(value) }
    return .object(object)
  }

  /// The contents of `run.json` without its own digest.
  public var json: JSONValue {
    var splits = JSONObject()
    for (split, values) in metrics { splits[split] = Self.json(of: values) }
    var document: JSONObject = [
      "format": .integer(Self.formatVersion),
      "model": .object([
        "directory": .string(modelDirectory), "files": Self.json(of: modelFiles),
      ]),
      "method": MethodCatalogue.standard.json(of: method),
      "task": task.json,
      "pooling": .string(pooling.rawValue),
      "maximumLength": .integer(maximumLength),
      "seed": .string(String(seed)),
      "trainable": .integer(counts.trainable),
      "parameters": .integer(counts.parameters),
      "ending": .string(outcome.ending.rawValue),
      "steps": .integer(outcome.steps),
      "plannedSteps": .integer(outcome.plannedSteps),
      "bestStep": .integer(outcome.bestStep),
      "seconds": .number(outcome.seconds),
      "tokensPerSecond": .number(outcome.tokensPerSecond),
      "metrics": .object(splits),
      "files": Self.json(of: files),
    ]
    document["rates"] = rates?.json
    if outcome.choosingSeconds > 0 {
      document["choosingSeconds"] = .number(outcome.choosingSeconds)
    }
    document["pairs"] = hasPairs.map { .bool($0) }
    for (key, value) in checks.members.members { document[key] = value }
    document["recipe"] = recipe.map { .object($0) }
    return .object(document)
  }

  package static func json(of digests: [String: String]) -> JSONValue {
    var object = JSONObject()
    for (name, digest) in digests.sorted(by: { $0.key < $1.key }) { object[name] = .string(digest) }
    return .object(object)
  }
}
