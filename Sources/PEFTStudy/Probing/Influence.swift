import PEFTModels
import PEFTNetwork
import PEFTSelect
import PEFTTensor

/// What a probe of a model on a task found: the contents of `influence.json`.
public struct Influence: Sendable {
  /// The file's name in a run directory.
  public static let fileName = "influence.json"

  /// What finding it took.
  public struct Cost: Hashable, Sendable, CustomStringConvertible {
    /// Steps of the head alone.
    public var headSteps: Int
    /// Steps of everything after them.
    public var warmSteps: Int
    /// The seconds of both.
    public var headSeconds: Double
    /// Batches whose full gradient was formed.
    public var directionBatches: Int
    /// Batches probed.
    public var probeBatches: Int
    /// Seconds in all.
    public var seconds: Double

    /// All but the seconds, for people.
    public var description: String {
      var parts = ["\(headSteps) steps of the head"]
      if warmSteps > 0 { parts.append("\(warmSteps) of everything") }
      parts += ["\(directionBatches) gradients", "\(probeBatches) probes"]
      return parts.joined(separator: ", ")
    }
  }

  /// The directory of the model, from the root of the file system.
  public let modelDirectory: String
  /// SHA-256 of the model's weights, configuration and tokenizer's files, by name; of the weights
  /// alone in a file of an earlier version.
  public let modelFiles: [String: String]
  /// The model's number of transformer layers.
  public let layerCount: Int
  /// What it puts out.
  public let output: ModelOutput
  /// The rule of grouping, by name.
  public let ruleName: String
  /// How it was measured: settings under the names of their options.
  public let settings: JSONObject
  /// How slope and curvature become a value.
  public let valueRule: InfluenceRule
  /// How probes become one estimate.
  public let aggregation: ProbeAggregation
  /// The groups, K.
  public let groups: [ParameterGroup]
  /// What is known of each.
  public let influences: [GroupInfluence]
  /// Every probe; empty where there are too many groups to keep them in a file.
  public let records: [ProbeRecord]
  /// A [K, K], row-major; nil where it was not asked for.
  public let interactions: [Double]?
  /// Simple predictors by name, K numbers each.
  public let predictors: [(name: String, values: [Double])]
  /// Whether probing came to its end.
  public let isComplete: Bool
  /// What it took.
  public let cost: Cost
  /// Everything that distinguishes this probe: settings and digests of its inputs. Nil
  /// where it is not known.
  var recipe: JSONObject?

  /// The adapters that were weighed beside the groups.
  var candidates: AdapterCandidates? {
    settings["candidates"].flatMap { AdapterCandidates(json: $0) }
  }

  /// The values of the groups, K numbers, never negative.
  public var values: [Double] { influences.map(\.value) }

  /// The groups' shares of the loss they remove for each of their parameters.
  public var perParameter: [Double] {
    zip(influences, groups).map { $0.value / Double($1.parameterCount) }
  }
}

extension Influence {
  /// Whether it was measured on the model of these files: the same weights, configuration and
  /// tokenizer.
  ///
  /// Errors: those of `ModelFiles.digests`.
  public func isOf(_ files: ModelFiles) throws(FileError) -> Bool {
    try files.difference(from: modelFiles, recipe: recipe) == nil
  }

  /// The findings of `outcome`.
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
    groups = outcome.grouping.groups
    influences =
      InfluenceEstimate(
        outcome.records, rule: settings.value, aggregation: settings.aggregation
      ).groups
    records = outcome.records
    interactions = outcome.interactions
    predictors = outcome.predictors.all
    self.isComplete = isComplete
    self.cost = cost
  }
}
