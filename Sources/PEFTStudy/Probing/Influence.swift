import PEFTModels
import PEFTNetwork
import PEFTSelect
import PEFTTensor

/// The results of probing a model on a task: the contents of `influence.json`.
public struct Influence: Sendable {
  /// The file's name in a run directory.
  public static let fileName = "influence.json"

  /// The cost of a probe.
  public struct Cost: Hashable, Sendable, CustomStringConvertible {
    /// The number of steps of the head alone.
    public var headSteps: Int
    /// The number of steps of all parameters after the head's.
    public var warmSteps: Int
    /// The time of both in seconds.
    public var headSeconds: Double
    /// The number of batches whose full gradient was computed.
    public var directionBatches: Int
    /// The number of batches probed.
    public var probeBatches: Int
    /// The total time in seconds.
    public var seconds: Double
    /// The number of batches in a pass over the training data; nil in a file of an earlier version.
    public var trainingBatches: Int?

    /// A description of everything but the times.
    public var description: String {
      var parts = ["\(headSteps) steps of the head"]
      if warmSteps > 0 { parts.append("\(warmSteps) of everything") }
      parts += ["\(directionBatches) gradients", "\(probeBatches) probes"]
      return parts.joined(separator: ", ")
    }
  }

  /// The absolute path of the model's directory.
  public let modelDirectory: String
  /// The SHA-256 of the model's weights, configuration and tokenizer files, by name; of only the
  /// weights in a file of an earlier version.
  public let modelFiles: [String: String]
  /// The model's number of transformer layers.
  public let layerCount: Int
  /// The output of the model.
  public let output: ModelOutput
  /// The name of the grouping rule.
  public let ruleName: String
  /// The settings of the measurement, under the names of their options.
  public let settings: JSONObject
  /// The rule by which slope and curvature become a value.
  public let valueRule: InfluenceRule
  /// How probes are combined into one estimate.
  public let aggregation: ProbeAggregation
  /// The K groups.
  public let groups: [ParameterGroup]
  /// The influence of each group.
  public let influences: [GroupInfluence]
  /// The individual probes; empty if there are too many groups to store them in a file.
  public let records: [ProbeRecord]
  /// A [K, K], row-major; nil if interactions were not requested.
  public let interactions: [Double]?
  /// The simple predictors by name, K numbers each.
  public let predictors: [(name: String, values: [Double])]
  /// How far the gradients of the direction's batches agree: the cosine that the mean gradients of
  /// two halves of them are expected to have. Nil if it was not measured.
  public let agreement: Double?
  /// Whether probing was completed.
  public let isComplete: Bool
  /// The cost of the probe.
  public internal(set) var cost: Cost
  /// Everything that distinguishes this probe: settings and digests of its inputs. Nil if it is not
  /// known.
  var recipe: JSONObject?

  /// The adapters that were candidates in addition to the groups.
  var candidates: AdapterCandidates? {
    settings["candidates"].flatMap { AdapterCandidates(json: $0) }
  }

  /// The values of the groups, K nonnegative numbers.
  public var values: [Double] { influences.map(\.value) }

  /// The values of the groups divided by their numbers of parameters.
  public var perParameter: [Double] {
    zip(influences, groups).map { $0.value / Double($1.parameterCount) }
  }
}

extension Influence {
  /// Whether the influence was measured on the model with these files: the same weights,
  /// configuration and tokenizer.
  ///
  /// Errors: those of `ModelFiles.digests`.
  public func isOf(_ files: ModelFiles) throws(FileError) -> Bool {
    try files.difference(from: modelFiles, recipe: recipe) == nil
  }

  /// The influence from the results `outcome` of a probe.
  init(
    of model: TransformerModel, in directory: String, modelFiles: [String: String],
    settings: InfluenceSettings, outcome: ProbeOutcome, isComplete: Bool, cost: Cost
  ) {
    modelDirectory = directory
    self.modelFiles = modelFiles
    layerCount = model.configuration.layerCount
    output = model.output
    ruleName = settings.rule.name
    self.settings = settings.json
    valueRule = settings.value
    aggregation = settings.aggregation
    groups = outcome.grouping.groups.map { $0.choosing(outcome.elements) }
    influences =
      InfluenceEstimate(
        outcome.records, rule: settings.value, aggregation: settings.aggregation
      ).groups
    records = outcome.records
    interactions = outcome.interactions
    predictors = outcome.predictors.all
    agreement = outcome.agreement
    self.isComplete = isComplete
    self.cost = cost
  }
}
