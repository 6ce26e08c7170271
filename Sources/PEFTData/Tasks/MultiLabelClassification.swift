import Foundation
import PEFTNetwork
import PEFTTensor

/// Predicts for each text or pair which of several labels it has: any number of them, or none.
///
/// Every label has a logit z and the probability σ(z), and is predicted where that reaches its
/// threshold. The loss of a row is the mean over the labels of their binary cross entropies, as in
/// transformers.
public struct MultiLabelClassification: PredictionTask {
  /// The name in files, and of the task kind.
  public static let name = "multi-label"

  /// The `task_type` of an adapter.
  public static let adapterTaskType = "SEQ_CLS"

  /// The key of `config.json` under which a merged model keeps the thresholds, which transformers
  /// ignores.
  package static let thresholdsKey = "label_thresholds"

  /// The labels, in the order of the logits.
  public let labels: LabelMap
  /// The probability from which each label is predicted.
  public private(set) var thresholds: [Double]
  /// What separates the labels of a row that are written as one text; nil if the rows that are read
  /// show it.
  private let separator: Separator?

  /// A task with these labels, each predicted from the probability in `thresholds`; nil means one
  /// half for all.
  public init(_ labels: LabelMap, thresholds: [Double]? = nil) {
    self.init(labels, thresholds: thresholds, separator: nil)
  }

  private init(_ labels: LabelMap, thresholds: [Double]?, separator: Separator?) {
    precondition(
      thresholds.map { $0.count == labels.count } ?? true,
      "MultiLabelClassification: \(thresholds?.count ?? 0) thresholds, \(labels.count) labels")
    self.labels = labels
    self.thresholds = thresholds ?? Array(repeating: 0.5, count: labels.count)
    self.separator = separator
  }

  /// The task in which every distinct label of a row is a label; there must be at least two.
  ///
  /// The labels of a row are a list, or a text with labels between `|`, `;` or commas: the first of
  /// these that occurs in any row.
  public init(training rows: TaskReader.Rows, windows: TextWindows) throws(FileError) {
    let separator = Separator(of: rows.examples)
    var names = Set<String>()
    for example in rows.examples {
      names.formUnion(try Self.names(of: example, separator, rows))
    }
    guard names.count > 1 else {
      throw FileError(
        .malformed, path: rows.path,
        reason: names.first.map { "the only label is \"\($0)\"" } ?? "no row has a label",
        remedy: "train on rows with at least two different labels")
    }
    self.init(LabelMap(names), thresholds: nil, separator: separator)
  }

  /// The task with the names in `labels`, the `thresholds` and the `separator`.
  ///
  /// Throws `malformed` if these do not fit together.
  public init(json: JSONValue, path: String) throws(FileError) {
    let labels = try LabelMap(json: json["labels"] ?? .null, path: path)
    var thresholds: [Double]?
    if let numbers = json["thresholds"] {
      let found = numbers.array?.compactMap(\.double) ?? []
      guard found.count == labels.count, found.allSatisfy({ (0...1).contains($0) }) else {
        throw FileError(
          .malformed, path: path, place: "thresholds",
          reason: "they are not one number from 0 to 1 for each label")
      }
      thresholds = found
    }
    let separator = json["separator"]?.string.flatMap(Separator.init(rawValue:))
    self.init(labels, thresholds: thresholds, separator: separator)
  }

  /// The labels, the thresholds and the separator.
  public var settings: JSONObject {
    var object: JSONObject = [
      "labels": labels.json, "thresholds": .array(thresholds.map { .number($0) }),
    ]
    object["separator"] = separator.map { .string($0.rawValue) }
    return object
  }

  /// The task that predicts every label from the probability `threshold`.
  public func answering(from threshold: Double) -> Self {
    Self(labels, thresholds: labels.names.map { _ in threshold }, separator: separator)
  }

  /// One logit for each label, for every text.
  public func output(pooling: Pooling) -> ModelOutput { .classes(labels.count, pooling: pooling) }

  /// The texts or pairs with their labels, truncated to the reader's maximum length.
  ///
  /// Throws `malformed`, with the line, for a row without a list of labels, and for a label that is
  /// not among the labels.
  public func encode(
    _ rows: TaskReader.Rows, by reader: TaskReader
  ) throws(FileError) -> EncodedDataset {
    var sets: [[Int]] = []
    let separator = separator ?? Separator(of: rows.examples)
    for example in rows.examples {
      var found = Set<Int>()
      for name in try Self.names(of: example, separator, rows) {
        guard let index = labels.index(of: name) else {
          throw FileError(
            .malformed, path: rows.path, place: "line \(example.line)",
            reason: "the label \"\(name)\" is not among the \(labels.count) labels of the model",
            remedy: "correct it, or train with examples of it")
        }
        found.insert(index)
      }
      sets.append(found.sorted())
    }
    return EncodedDataset(
      rows.examples, targets: .labelSets(sets), tokenizer: reader.tokenizer,
      maximumLength: reader.maximumLength)
  }

  /// The labels of a row, as they are written.
  static func names(of example: TextExample, _ task: any PredictionTask) -> [String] {
    guard let task = task as? Self else { return [] }
    let separator = task.separator ?? Separator(of: [example])
    return example.labels ?? example.label.map(separator.names) ?? []
  }

  private static func names(
    of example: TextExample, _ separator: Separator, _ rows: TaskReader.Rows
  ) throws(FileError) -> [String] {
    if let labels = example.labels { return labels }
    guard let label = example.label else {
      throw missingLabel(example, path: rows.path, columns: rows.columns)
    }
    return separator.names(label)
  }

  /// The logarithms of the odds of the labels' frequencies, so that training does not first have to
  /// learn that most labels are rare.
  public func initialBias(for targets: Targets) -> [Float]? {
    guard case .labelSets(let sets) = targets.kind, !sets.isEmpty else { return nil }
    var counts = [Double](repeating: 0.5, count: labels.count)
    for index in sets.joined() { counts[index] += 1 }
    return counts.map { Float(log($0 / (Double(sets.count) + 1 - $0))) }
  }

  /// The number of labels.
  public var answerCount: Int { labels.count }

  /// The probability of each label.
  public func answers(_ logits: UnsafeBufferPointer<Float>) -> [Double] {
    Self.probabilities(logits)
  }

  private static func probabilities(_ logits: some Sequence<Float>) -> [Double] {
    logits.map { 1 / (1 + exp(-Double($0))) }
  }

  /// The metrics of `MultiLabelMetrics`; empty if there are no true labels.
  public func metrics(
    of answers: [Double], targets: Targets?, loss: Double, terms: Int
  ) -> [(name: String, value: Double)] {
    guard case .labelSets(let sets)? = targets?.kind, !sets.isEmpty else { return [] }
    return MultiLabelMetrics(scores: answers, thresholds: thresholds, labels: sets, loss: loss)
      .values
  }

  /// F1 of all labels together.
  public var primaryMetric: PrimaryMetric { PrimaryMetric("microF1", higherIsBetter: true) }

  /// True: every label gets its threshold.
  public var takesCalibration: Bool { true }

  /// The range of the thresholds.
  public var calibrationNote: String? {
    guard let low = thresholds.min(), let high = thresholds.max(), low < high else { return nil }
    return "each label has its own probability threshold, chosen on the dev data: from "
      + String(format: "%.2g to %.2g", low, high)
  }

  /// The task with the thresholds at which every label's F1 on these rows is highest.
  public func calibrated(logits: [Float], targets: Targets) -> Self {
    guard case .labelSets(let sets) = targets.kind, !sets.isEmpty else { return self }
    return Self(
      labels,
      thresholds: MultiLabelMetrics.bestThresholds(
        scores: Self.probabilities(logits), labels: sets, labelCount: labels.count),
      separator: separator)
  }

  /// The names of the predicted `labels`, the most probable first; the `probabilities` of all, and
  /// the `logits` themselves.
  public func prediction(_ logits: [Float], of _: TextExample, words _: [Int]) -> JSONObject {
    let found = Self.probabilities(logits)
    let chosen = found.indices.filter { found[$0] >= thresholds[$0] }.sorted {
      (found[$1], $0) < (found[$0], $1)
    }
    var probabilities = JSONObject()
    for (name, value) in zip(labels.names, found) { probabilities[name] = .number(value) }
    return [
      "labels": .array(chosen.map { .string(labels.names[$0]) }),
      "probabilities": .object(probabilities),
      "logits": .array(logits.map { .number(Double($0)) }),
    ]
  }

  /// The labels.
  public var classes: LabelMap? { labels }

  /// The task with its labels in the order of a head's rows, and one half for thresholds.
  public func ordered(likeRowsNamed names: [String]) -> Self? {
    labels.ordered(likeRowsNamed: names).map {
      Self($0, thresholds: nil, separator: separator)
    }
  }

  /// The problem type for any number of labels per text.
  public var problemType: String? { "multi_label_classification" }
}

extension MultiLabelClassification {
  /// What separates labels that are written as one text.
  private enum Separator: String, CaseIterable {
    case bar = "|"
    case semicolon = ";"
    case comma = ","

    /// The first separator that occurs in any label, or the comma.
    init(of examples: [TextExample]) {
      self =
        Self.allCases.first { separator in
          examples.contains { $0.label?.contains(separator.rawValue) ?? false }
        } ?? .comma
    }

    /// The labels in `text`, without the spaces around them.
    func names(_ text: String) -> [String] {
      text.split(separator: rawValue).map {
        $0.trimmingCharacters(in: .whitespaces)
      }.filter { !$0.isEmpty }
    }
  }
}

extension TaskKind {
  /// Multi-label classification: a text may have several labels.
  public static let multiLabel = TaskKind(MultiLabelClassification.self)
}
