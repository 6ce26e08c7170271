import ArgumentParser
import PEFTData
import PEFTRuns

/// The option for the probability from which the second of two classes is the answer, or each of
/// several labels.
struct ThresholdOptions: ParsableArguments {
  @Option(
    help: """
      For two classes: the answer is the second class where its probability is at least this, from \
      0 to 1 (default: the more probable class). With several labels for a text: each label is \
      predicted from this probability (default: its own threshold, chosen on the dev data).
      """)
  var threshold: Double?

  func validate() throws {
    if let threshold, !(0...1).contains(threshold) {
      throw ValidationError("--threshold \(threshold): give a number from 0 to 1")
    }
  }

  /// The task with this threshold.
  func applied(to task: any PredictionTask) throws -> any PredictionTask {
    guard let threshold else { return task }
    if let labels = task as? MultiLabelClassification {
      return labels.answering(from: threshold)
    }
    guard let classification = task as? Classification, classification.labels.count == 2 else {
      let name = type(of: task).name
      throw InvalidSetting(
        setting: "threshold",
        "it is for two classes, and this task is \(name)"
          + (task.classes.map { " with \($0.count) classes" } ?? ""))
    }
    return classification.answering(from: threshold)
  }
}
