import Foundation
import PEFTNetwork
import PEFTTensor

/// Predicts one of several classes for each text or pair.
public struct Classification: PredictionTask {
  /// The name in files, and of the task kind.
  public static let name = "classification"

  /// The `task_type` of an adapter.
  public static let adapterTaskType = "SEQ_CLS"

  /// The classes, in the order of the logits.
  public let labels: LabelMap

  /// The probability from which the second of two classes is the answer; nil if the most probable
  /// class is. It is a choice of whoever asks, not a part of the task in files.
  public private(set) var threshold: Double?

  /// T, by which logits are divided before they become probabilities; nil if none was fitted.
  public private(set) var temperature: Double?

  /// The key of `config.json` under which a merged model keeps the temperature, which transformers
  /// ignores.
  package static let temperatureKey = "calibration_temperature"

  /// A task with the classes `labels`, and a temperature if one was fitted.
  public init(_ labels: LabelMap, temperature: Double? = nil) {
    self.labels = labels
    self.temperature = temperature
  }

  /// The task whose answer is its second class wherever the probability of that class is at least
  /// `threshold`.
  ///
  /// - Precondition: the task has two classes.
  public func answering(from threshold: Double) -> Self {
    precondition(labels.count == 2, "answering(from:): \(labels.count) classes, not two")
    var task = self
    task.threshold = threshold
    return task
  }

  /// The task in which every distinct label is a class; there must be at least two.
  public init(training rows: TaskReader.Rows, windows: TextWindows) throws(FileError) {
    self.init(LabelMap(try rows.distinctLabels()))
  }

  /// The task whose classes are the names in `labels`.
  ///
  /// Throws `malformed` if `labels` is not a list of labels, or `temperature` not a positive
  /// number.
  public init(json: JSONValue, path: String) throws(FileError) {
    let labels = try LabelMap(json: json["labels"] ?? .null, path: path)
    let temperature = json["temperature"]?.double
    guard json["temperature"] == nil || temperature.map(Calibration.temperatures.contains) == true
    else {
      throw FileError(
        .malformed, path: path, place: "temperature",
        reason: "it is not a number from \(Calibration.temperatures.lowerBound) to "
          + "\(Calibration.temperatures.upperBound)")
    }
    self.init(labels, temperature: temperature)
  }

  /// The classes, under the key `labels`, and the `temperature` if one was fitted.
  public var settings: JSONObject {
    var settings: JSONObject = ["labels": labels.json]
    settings["temperature"] = temperature.map { .number($0) }
    return settings
  }

  /// One logit for each class, for every text.
  public func output(pooling: Pooling) -> ModelOutput { .classes(labels.count, pooling: pooling) }

  /// The texts or pairs with their classes, truncated to the reader's maximum length.
  ///
  /// Throws the errors of `targets(of:)`.
  public func encode(
    _ rows: TaskReader.Rows, by reader: TaskReader
  ) throws(FileError) -> EncodedDataset {
    EncodedDataset(
      rows.examples, targets: try targets(of: rows),
      tokenizer: reader.tokenizer, maximumLength: reader.maximumLength)
  }

  /// The class of each row.
  ///
  /// Throws `malformed`, with the line, for a row without a label, or with a label that is not
  /// among the classes.
  public func targets(of rows: TaskReader.Rows) throws(FileError) -> Targets {
    .classes(try labels.classes(of: rows.examples, path: rows.path))
  }

  /// The index of the largest of the logits [C], the first if several are equal; with a threshold,
  /// 1 where the probability of the second class reaches it, else 0. It is followed by its
  /// probability.
  public func answers(_ logits: UnsafeBufferPointer<Float>) -> [Double] {
    let (position, probabilities) = (position(logits), probabilities(logits))
    return [Double(position), probabilities[position]]
  }

  /// Two: a class and its probability.
  public var answerCount: Int { 2 }

  private func position(_ logits: some RandomAccessCollection<Float>) -> Int {
    guard let threshold else { return logits.positionOfLargest }
    return probabilities(logits)[1] >= threshold ? 1 : 0
  }

  /// The softmax of the logits, which are first divided by the temperature if there is one.
  private func probabilities(_ logits: some RandomAccessCollection<Float>) -> [Double] {
    let largest = logits.reduce(-Double.infinity) { max($0, Double($1)) }
    let exponentials = logits.map { exp((Double($0) - largest) / (temperature ?? 1)) }
    let sum = exponentials.reduce(0, +)
    return exponentials.map { $0 / sum }
  }

  /// The metrics of `ClassificationMetrics`; empty if there are no true classes.
  public func metrics(
    of answers: [Double], targets: Targets?, loss: Double, terms: Int
  ) -> [(name: String, value: Double)] {
    guard case .classes(let classes)? = targets?.kind, !classes.isEmpty else { return [] }
    let rows = stride(from: 0, to: answers.count, by: answerCount)
    return ClassificationMetrics(
      predictions: rows.map { Int(answers[$0]) }, labels: classes, classCount: labels.count,
      probabilities: rows.map { answers[$0 + 1] }, loss: loss
    ).values
  }

  /// Accuracy.
  public var primaryMetric: PrimaryMetric { PrimaryMetric("accuracy", higherIsBetter: true) }

  /// The task with the temperature that fits these rows; the task itself if they determine none, as
  /// if all answers are right.
  public func calibrated(logits: [Float], targets: Targets) -> Self {
    guard case .classes(let classes) = targets.kind, !classes.isEmpty,
      logits.allSatisfy(\.isFinite)
    else { return self }
    let temperature = Calibration.temperature(logits: logits, labels: classes)
    let range = Calibration.temperatures
    return temperature > range.lowerBound && temperature < range.upperBound
      ? Self(labels, temperature: temperature) : self
  }

  /// The temperature.
  public var calibrationNote: String? {
    temperature.map {
      "probabilities are calibrated: softmax(logits / \(String(format: "%.3g", $0))), with a "
        + "temperature fitted on the dev data"
    }
  }

  /// The `label` that `answers` gives for the logits [C], the `probabilities`, and the `logits`
  /// themselves.
  public func prediction(_ logits: [Float], of _: TextExample, words _: [Int]) -> JSONObject {
    var probabilities = JSONObject()
    for (name, value) in zip(labels.names, self.probabilities(logits)) {
      probabilities[name] = .number(value)
    }
    return [
      "label": .string(labels.names[position(logits)]),
      "probabilities": .object(probabilities),
      "logits": .array(logits.map { .number(Double($0)) }),
    ]
  }

  /// The classes.
  public var classes: LabelMap? { labels }

  /// The task with its classes in the order of a head's rows.
  public func ordered(likeRowsNamed names: [String]) -> Self? {
    labels.ordered(likeRowsNamed: names).map { Self($0) }
  }

  /// The problem type for one label per text.
  public var problemType: String? { "single_label_classification" }
}

extension TaskKind {
  /// Classification: every distinct label is a class.
  public static let classification = TaskKind(Classification.self)
}

extension RandomAccessCollection<Float> {
  /// The position of the largest number, the first if several are equal; 0 if there are no numbers.
  public var positionOfLargest: Int {
    let place = indices.max { (self[$0], $1) < (self[$1], $0) }
    return place.map { distance(from: startIndex, to: $0) } ?? 0
  }
}
