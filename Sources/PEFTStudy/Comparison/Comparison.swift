import PEFTData
import PEFTModels
import PEFTNetwork
import PEFTRuns
import PEFTSelect
import PEFTTensor
import PEFTTrain

/// Methods on one task by one recipe: the contents of `comparison.json`.
public struct Comparison: Sendable {
  /// The file's name in a run directory.
  public static let fileName = "comparison.json"

  /// One method over all seeds.
  public struct Entry: Sendable {
    /// What it is called: `selection`, `lora`, …, with its rank.
    public let label: String
    /// Whether it trains what a plan chose.
    public let isSelection: Bool
    /// Parameters that train.
    public let trainable: Int
    /// The learning rate.
    public let learningRate: Double
    /// One run a seed.
    public internal(set) var runs: [Run]
    /// Seconds of probing and choosing, charged to the method once.
    public let probeSeconds: Double

    /// The mean of a metric of a split over the seeds; nil where a run lacks it.
    public func mean(_ metric: String, on split: String) -> Double? {
      let values = runs.compactMap { $0[metric, split] }
      return values.count == runs.count && !values.isEmpty
        ? values.reduce(0, +) / Double(values.count) : nil
    }

    /// The standard deviation of a metric over the seeds; nil for fewer than two.
    public func deviation(_ metric: String, on split: String) -> Double? {
      guard runs.count > 1, let mean = mean(metric, on: split) else { return nil }
      let sum = runs.reduce(0.0) {
        let difference = ($1[metric, split] ?? mean) - mean
        return $0 + difference * difference
      }
      return (sum / Double(runs.count - 1)).squareRoot()
    }

    /// The mean seconds of a training run, with the probe's.
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
    /// Seconds of training.
    public let seconds: Double
    /// Steps taken.
    public let steps: Int

    /// A metric of a split.
    public subscript(metric: String, split: String) -> Double? {
      metrics.first { $0.split == split }?.values.first { $0.name == metric }?.value
    }
  }

  /// The parameters of the model, adapters left out.
  public let modelParameters: Int
  /// The budget, where there was one.
  public let budget: Int?
  /// The metric by which methods are compared.
  public let metric: String
  /// Whether more of it is better.
  public let higherIsBetter: Bool
  /// The methods in the order they were asked for.
  public var entries: [Entry]

  /// What the entry is called that trains what a plan chose.
  public static let selectionLabel = "selection"

  /// A comparison without methods yet.
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

  /// The split that methods are judged by: the test data where there is some.
  public var split: String {
    entries.allSatisfy { $0.mean(metric, on: "test") != nil } ? "test" : "dev"
  }

  /// The document, `comparison.json`.
  public var json: JSONValue {
    .object([
      "metric": .string(metric), "higherIsBetter": .bool(higherIsBetter),
      "split": .string(split),
      "modelParameters": .integer(modelParameters),
      "budget": budget.map { .integer($0) } ?? .null,
      "methods": .array(entries.map(json)),
    ])
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
      "learningRate": .number(entry.learningRate), "probeSeconds": .number(entry.probeSeconds),
      "seconds": .number(entry.seconds), metric: .object(means),
      "runs": .array(
        entry.runs.map { run in
          var splits = JSONObject()
          for (split, values) in run.metrics { splits[split] = RunManifest.json(of: values) }
          return .object([
            "seed": .string(String(run.seed)), "seconds": .number(run.seconds),
            "steps": .integer(run.steps), "metrics": .object(splits),
          ])
        }),
    ])
  }
}

extension Comparison.Entry {
  /// A row of a study, by its runs with the chosen rate; nil where there are none.
  init?(_ row: StudyRow, _ trials: [StudyTrial]) {
    let runs = trials.filter(\.isChosen).map(\.run)
    guard let first = runs.first else { return nil }
    let isSelection = if case .plan = row.content { true } else { false }
    self.init(
      label: row.label, isSelection: isSelection, trainable: first.trainable,
      learningRate: first.learningRate,
      runs: runs.map {
        Comparison.Run(
          seed: $0.seed, metrics: $0.metrics, seconds: $0.seconds, steps: $0.steps)
      }, probeSeconds: first.probeSeconds)
  }
}
