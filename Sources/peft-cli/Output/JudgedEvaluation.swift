import PEFTData
import PEFTReport
import PEFTRuns
import PEFTTensor
import PEFTTrain

/// An evaluation beside what its scores are judged by: a baseline, the classes, and warnings.
struct JudgedEvaluation {
  private let baseline: Baseline?
  private let matrix: ConfusionMatrix?
  private let names: [String]
  /// Sentences that say where the scores are no better than chance.
  let warnings: [String]

  /// The largest number of classes shown; the JSON document has all.
  private static let classLimit = 10

  init(
    _ evaluation: Evaluation, of model: TrainedModel, on data: EncodedDataset,
    task: any PredictionTask
  ) {
    baseline = model.baseline(on: data, task: task)
    matrix = ConfusionMatrix(evaluation.answers, of: data, for: task)
    names = task.classes?.names ?? []
    warnings = task.warnings(
      about: evaluation.metrics, on: data, split: "these data", baseline: baseline,
      answers: matrix)
  }

  /// Adds `baseline`, `warnings`, and for classes `confusion` and `classes`.
  func add(to document: inout JSONObject) {
    document["baseline"] = baseline?.json ?? .null
    document["warnings"] = .array(warnings.map { .string($0) })
    guard let (confusion, classes) = matrix?.document(names) else { return }
    document["confusion"] = confusion
    document["classes"] = classes
  }

  /// The metrics beside those of the baseline, and the classes.
  func lines(_ metrics: [(name: String, value: Double)]) -> [String] {
    var table = TextTable(header: ["metric", "value"] + (baseline == nil ? [] : ["baseline"]))
    for (name, value) in metrics {
      table.add(
        [name, ProgressLine.format(value)]
          + (baseline.map { [$0[name].map(ProgressLine.format) ?? ""] } ?? []))
    }
    var lines = table.lines(width: .max)
    if let baseline { lines.append("baseline: " + baseline.description) }
    if let tables = matrix?.tables(names, limit: Self.classLimit) {
      lines += [""] + tables.lines(width: Console.width) + [""]
    }
    return lines
  }
}
