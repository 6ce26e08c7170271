import PEFTData
import PEFTModels
import PEFTNetwork
import PEFTRuns
import PEFTSelect
import PEFTTensor
import PEFTTrain

/// What is known of a problem before anything runs.
struct SuiteBase {
  /// The job, training everything.
  let job: TrainingJob
  /// All parameters of the model.
  let parameters: Int
  /// How methods are compared.
  let metric: PrimaryMetric
  /// Everything that distinguishes runs, except for method, seed and learning rate: settings and
  /// SHA-256 of their inputs.
  let recipe: JSONObject
  /// The groups of those probes whose subsets are all trained, by the probe's name;
  /// the head is left out.
  let groups: [String: [ParameterGroup]]
  private let tensors: [(name: String, layer: Int)]
  private let layerCount: Int

  /// Reads model and data of `job`; nothing of the model itself is kept.
  init(_ job: TrainingJob, rules: [String: GroupingRule]) throws {
    let prepared = try job.prepare()
    self.job = job
    parameters = prepared.counts.parameters
    metric = prepared.task.primaryMetric
    recipe = try job.recipe(prepared.files, adapter: prepared.adapter)
    let entries = prepared.model.parameters
    groups = try rules.mapValues { rule in
      try ParameterGrouping(entries, by: rule).groups.filter { !$0.isFixed }
    }
    tensors = entries.map { ($0.parameter.name, $0.layer ?? -1) }
    layerCount = prepared.model.configuration.layerCount
    guard prepared.dev != nil, prepared.test != nil else {
      throw InvalidSetting(
        "\(job.trainPath): a suite needs dev and test data of every task: learning rates are chosen on the dev "
          + "data, and methods are compared on the test data")
    }
  }

  /// The tensors of the last `count` layers.
  func lastLayers(_ count: Int) -> [ParameterGroup.Member] {
    tensors.filter { $0.layer >= max(0, layerCount - count) }.map { .tensor($0.name) }
  }
}
