import Foundation
import PEFTData
import PEFTTensor

/// What `labels.json` beside an adapter says of the rows of its head.
///
/// It is a list of names, or an object with the `labels`: for several labels of a text with the
/// `problem_type` and the `thresholds`, for calibrated probabilities with the `temperature`.
struct AdapterLabels {
  /// The name of each row.
  let names: [String]
  /// The probability from which each label is predicted, if a text may have several labels;
  /// otherwise nil.
  let thresholds: [Double]?

  /// The temperature of a classifier's probabilities, if one was fitted.
  let temperature: Double?

  private static let multiLabel = "multi_label_classification"

  /// The labels beside the adapter in `directory`; nil if there is no such file, or if it says
  /// anything else.
  init?(beside directory: String) throws(FileError) {
    let path = directory + "/" + LabelMap.fileName
    guard FileManager.default.fileExists(atPath: path) else { return nil }
    let document = try JSONValue(contentsOf: path, limit: JSONValue.configurationLimit)
    let list = document.array ?? document["labels"]?.array ?? []
    temperature = document["temperature"]?.double.flatMap {
      Calibration.temperatures.contains($0) ? $0 : nil
    }
    names = list.compactMap(\.string)
    guard names.count == list.count, !names.isEmpty else { return nil }
    guard document["problem_type"]?.string == Self.multiLabel else {
      thresholds = nil
      return
    }
    let numbers = document["thresholds"]?.array?.compactMap(\.double) ?? []
    thresholds =
      numbers.count == names.count && numbers.allSatisfy((0...1).contains)
      ? numbers : names.map { _ in 0.5 }
  }

  /// The content of the file for `task`; nil for a task without classes.
  static func json(of task: any PredictionTask) -> JSONValue? {
    if let task = task as? Classification, let temperature = task.temperature {
      return .object(["labels": task.labels.json, "temperature": .number(temperature)])
    }
    guard let task = task as? MultiLabelClassification else { return task.classes?.json }
    return .object([
      "problem_type": .string(multiLabel), "labels": task.labels.json,
      "thresholds": .array(task.thresholds.map { .number($0) }),
    ])
  }
}
