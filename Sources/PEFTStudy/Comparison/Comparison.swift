import PEFTData
import PEFTModels
import PEFTNetwork
import PEFTRuns
import PEFTSelect
import PEFTTensor
import PEFTTrain

/// Methods compared on one task with equal training settings: the contents of `comparison.json`.
public struct Comparison: Sendable {
  /// The file's name in a run directory.
  public static let fileName = "comparison.json"

  /// One method over all seeds.
  public struct Entry: Sendable {
    /// The name of the entry: `selection`, `lora`, …, with its rank.
    public let label: String
    /// Whether it trains the selection of the plan, which fills the whole budget.
    public let isSelection: Bool
    /// The number of trainable parameters.
    public let trainable: Int
    /// The learning rate.
    public let learningRate: Double
    /// One run per seed.
    public internal(set) var runs: [Run]
    /// The time of probing and selecting in seconds, charged to the method once.
    public let probeSeconds: Double

    /// The mean of a metric of a split over the seeds; nil if a run lacks the metric.
    public func mean(_ metric: String, on split: String) -> Double? {
      let values = runs.compactMap { $0[metric, split] }
      return values.count == runs.count && !values.isEmpty
        ? values.reduce(0, +) / Double(values.count) : nil
    }

    /// The standard deviation of a metric over the seeds; nil for fewer than two seeds.
    public func deviation(_ metric: String, on split: String) -> Double? {
      guard runs.count > 1, let mean = mean(metric, on: split) else { return nil }
      let sum = runs.reduce(0.0) {
        let difference = ($1[metric, split] ?? mean) - mean
        return $0 + difference * difference
      }
      return (sum / Double(runs.count - 1)).squareRoot()
    }

    /// The size in bytes of what a run stores; nil if it is not known.
    public var storedBytes: Int? { runs.compactMap(\.storedBytes).max() }

    /// The largest peak memory of a run, in bytes; nil if it is not known of every run.
    public var peakMemory: Int? {
      let known = runs.compactMap(\.peakMemory)
      return known.count == runs.count ? known.max() : nil
    }

    /// The mean time of a training run in seconds, plus the probe's time.
    public var seconds: Double {
      probeSeconds + runs.reduce(0) { $0 + $1.seconds } / Double(max(1, runs.count))
    }
  }

  /// One training run.
  public struct Run: Sendable {
    /// Its seed.
    public let seed: UInt64
    /// Metrics by split.
    public let metrics: [(split: String, values: [(name: String, value: Double)])]
    /// The training time in seconds.
    public let seconds: Double
    /// The number of steps taken.
    public let steps: Int
    /// The size in bytes of the file with the trained tensors; nil in a file of an earlier version.
    public var storedBytes: Int?
    /// The peak resident memory of the process during the run, in bytes; nil if it is not known, as
    /// of a run that was resumed.
    public var peakMemory: Int?

    /// A metric of a split.
    public subscript(metric: String, split: String) -> Double? {
      metrics.first { $0.split == split }?.values.first { $0.name == metric }?.value
    }
  }

  /// The number of parameters of the model, without adapters.
  public let modelParameters: Int
  /// The parameter budget; nil if there was none.
  public let budget: Int?
  /// The metric by which methods are compared.
  public let metric: String
  /// Whether larger values of the metric are better.
  public let higherIsBetter: Bool
  /// The methods in the requested order.
  public var entries: [Entry]
  /// The scores of answers that read no text, by split; empty in a file of an earlier version.
  public var baselines: [(split: String, baseline: Baseline)] = []
  /// Sentences that say which methods are no better than chance.
  public var warnings: [String] = []
  /// The labels of the methods that have not been trained yet; empty in the end.
  public var remaining: [String] = []

  /// The label of the entry that trains the selection of a plan.
  public static let selectionLabel = "selection"

  /// A comparison without methods.
  init(modelParameters: Int, budget: Int?, metric: PrimaryMetric) {
    self.init(
      modelParameters: modelParameters, budget: budget, metric: metric.name,
      higherIsBetter: metric.higherIsBetter)
  }

  init(modelParameters: Int, budget: Int?, metric: String, higherIsBetter: Bool) {
    self.modelParameters = modelParameters
    self.budget = budget
    self.metric = metric
    self.higherIsBetter = higherIsBetter
    entries = []
  }

  /// The split by which methods are compared: the test data if every method has them, else the dev
  /// data.
  public var split: String {
    entries.allSatisfy { $0.mean(metric, on: "test") != nil } ? "test" : "dev"
  }

  /// The baseline on `split`.
  public func baseline(on split: String) -> Baseline? {
    baselines.first { $0.split == split }?.baseline
  }

  /// Whether an entry trains more parameters than the budget allows.
  public func isOverBudget(_ entry: Entry) -> Bool { budget.map { entry.trainable > $0 } ?? false }

  /// The document, `comparison.json`.
  public var json: JSONValue {
    var splits = JSONObject()
    for (split, baseline) in baselines { splits[split] = baseline.json }
    var document: JSONObject = [
      "metric": .string(metric), "higherIsBetter": .bool(higherIsBetter),
      "split": .string(split),
      "modelParameters": .integer(modelParameters),
      "budget": budget.map { .integer($0) } ?? .null,
      "methods": .array(entries.map(json)),
      "baseline": .object(splits), "warnings": .array(warnings.map { .string($0) }),
    ]
    if !remaining.isEmpty { document["remaining"] = .array(remaining.map { .string($0) }) }
    return .object(document)
  }

  private func json(_ entry: Entry) -> JSONValue {
    var means = JSONObject()
    for split in ["dev", "test"] {
      guard let mean = entry.mean(metric, on: split) else { continue }
      var object: JSONObject = ["mean": .number(mean)]
      object["deviation"] = entry.deviation(metric, on: split).map { .number($0) }
      means[split] = .object(object)
    }
    return .object([
      "name": .string(entry.label), "trainable": .integer(entry.trainable),
      "share": .number(Double(entry.trainable) / Double(modelParameters)),
      "overBudget": .bool(isOverBudget(entry)),
      "learningRate": .number(entry.learningRate), "probeSeconds": .number(entry.probeSeconds),
      "seconds": .number(entry.seconds), metric: .object(means),
      "runs": .array(
        entry.runs.map { run in
          var splits = JSONObject()
          for (split, values) in run.metrics { splits[split] = RunManifest.json(of: values) }
          var object: JSONObject = [
            "seed": .string(String(run.seed)), "seconds": .number(run.seconds),
            "steps": .integer(run.steps), "metrics": .object(splits),
          ]
          object["storedBytes"] = run.storedBytes.map { .integer($0) }
          object["peakMemory"] = run.peakMemory.map { .integer($0) }
          return .object(object)
        }),
    ])
  }
}

extension Comparison.Entry {
  /// The entry of a study's row, from its runs with the chosen learning rate; nil if there are
  /// none.
  init?(_ row: StudyRow, _ trials: [StudyTrial]) {
    let runs = trials.filter(\.isChosen).map(\.run)
    guard let first = runs.first else { return nil }
    self.init(
      label: row.label, isSelection: row.label == Comparison.selectionLabel,
      trainable: first.trainable,
      learningRate: first.learningRate,
      runs: runs.map {
        Comparison.Run(
          seed: $0.seed, metrics: $0.metrics, seconds: $0.seconds, steps: $0.steps,
          storedBytes: $0.footprint?.storedBytes,
          peakMemory: ($0.footprint?.peakMemory).flatMap { $0 > 0 ? $0 : nil })
      }, probeSeconds: first.probeSeconds)
  }
}
