import PEFTTensor

extension TaskReader.Rows {
  /// The distinct labels, at least two.
  ///
  /// Throws `malformed` for a row without a label, and for labels that are all the same.
  func distinctLabels() throws(FileError) -> Set<String> {
    var labels = Set<String>()
    for example in examples {
      guard let label = example.label else { throw missingLabel(example, path: path) }
      labels.insert(label)
    }
    guard labels.count > 1 else {
      throw FileError(
        .malformed, path: path,
        reason: labels.first.map { "every label is \"\($0)\"" } ?? "there are no labels",
        remedy: "train on examples of at least two labels")
    }
    return labels
  }

  /// Regression where the labels are scores, else classification.
  ///
  /// Throws `malformed` also for a label that is not a finite number where most are scores.
  func taskOfLabels(_ windows: TextWindows) throws(FileError) -> any PredictionTask {
    _ = try distinctLabels()
    let numbers = LabelNumbers(examples)
    if let slip = numbers.slip, let label = slip.label {
      throw FileError(
        .malformed, path: path, place: "line \(slip.line)",
        reason:
          "the label \"\(label)\" is not a finite number, while most labels are numbers that are "
          + "not all whole",
        remedy:
          "correct it and say `task` regression, or, if every label is the name of a class, say "
          + "`task` classification")
    }
    return numbers.areScores
      ? try Regression(training: self, windows: windows)
      : try Classification(training: self, windows: windows)
  }
}
