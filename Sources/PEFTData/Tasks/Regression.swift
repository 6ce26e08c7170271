import PEFTNetwork
import PEFTTensor

/// Predicts a real number for each text or pair.
public struct Regression: PredictionTask {
  /// The name in files, and of the task kind.
  public static let name = "regression"

  /// The `task_type` of an adapter.
  public static let adapterTaskType = "SEQ_CLS"

  /// The task.
  public init() {}

  /// The task for rows whose labels are all finite numbers and not all equal.
  public init(training rows: TaskReader.Rows, windows: TextWindows) throws(FileError) {
    _ = try rows.distinctLabels()
    _ = try targets(of: rows)
  }

  /// The task. It has no settings to read and throws nothing.
  public init(json: JSONValue, path: String) throws(FileError) {}

  /// Empty: the task has no settings.
  public var settings: JSONObject { [:] }

  /// One logit for every text, the value itself.
  public func output(pooling: Pooling) -> ModelOutput { .classes(1, pooling: pooling) }

  /// The texts or pairs with their values, truncated to the reader's maximum length.
  ///
  /// Throws the errors of `targets(of:)`.
  public func encode(
    _ rows: TaskReader.Rows, by reader: TaskReader
  ) throws(FileError) -> EncodedDataset {
    EncodedDataset(
      rows.examples, targets: try targets(of: rows), tokenizer: reader.tokenizer,
      maximumLength: reader.maximumLength)
  }

  /// The value of each row.
  ///
  /// Throws `malformed`, with the line, for a row without a label, or with a label that is not a
  /// finite number.
  public func targets(of rows: TaskReader.Rows) throws(FileError) -> Targets {
    var values: [Double] = []
    values.reserveCapacity(rows.examples.count)
    for example in rows.examples {
      guard let label = example.label else {
        throw missingLabel(example, path: rows.path, columns: rows.columns)
      }
      guard let value = finiteNumber(label) else {
        throw FileError(
          .malformed, path: rows.path, place: "line \(example.line)",
          reason: "the label \"\(label)\" is not a finite number, as regression needs",
          remedy: "correct it, or choose classification")
      }
      values.append(value)
    }
    return .values(values)
  }

  /// The mean of the values, so that training starts at the best constant prediction and not at 0.
  public func initialBias(for targets: Targets) -> [Float]? {
    guard case .values(let values) = targets.kind, !values.isEmpty else { return nil }
    return [Float(values.reduce(0) { $0 + $1 / Double(values.count) })]
  }

  /// The only logit, the value itself; the logits are [1].
  public func answers(_ logits: UnsafeBufferPointer<Float>) -> [Double] { [Double(logits[0])] }

  /// The metrics of `RegressionMetrics`; empty if there are no true values.
  public func metrics(
    of answers: [Double], targets: Targets?, loss: Double, terms: Int
  ) -> [(name: String, value: Double)] {
    guard case .values(let values)? = targets?.kind, !values.isEmpty else { return [] }
    return RegressionMetrics(predictions: answers, targets: values, loss: loss).values
  }

  /// Pearson's correlation.
  public var primaryMetric: PrimaryMetric { PrimaryMetric("pearson", higherIsBetter: true) }

  /// The `value`, and the `logits` [1], which contain the same number.
  public func prediction(_ logits: [Float], of _: TextExample, words _: [Int]) -> JSONObject {
    [
      "value": .number(Double(logits[0])), "logits": .array(logits.map { .number(Double($0)) }),
    ]
  }

  /// The problem type for one real number per text.
  public var problemType: String? { "regression" }
}

extension TaskKind {
  /// Regression: every label is a number to predict.
  public static let regression = TaskKind(Regression.self)
}
