import PEFTTensor

extension TaskReader.Rows {
  /// The distinct labels, at least two.
  ///
  /// Throws `malformed` for a row without a label, and if all labels are equal.
  func distinctLabels() throws(FileError) -> Set<String> {
    var labels = Set<String>()
    for example in examples {
      guard let label = example.label else {
        throw missingLabel(example, path: path, columns: columns)
      }
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

  /// Regression if the labels are scores, else classification.
  ///
  /// Also throws `malformed` for a label that is not a finite number if most are scores.
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
    if numbers.areScores { return try Regression(training: self, windows: windows) }
    try checkRepetition()
    return try Classification(training: self, windows: windows)
  }

  /// Throws `malformed` if most of the distinct labels occur once, and either there are many labels
  /// or most of those that occur once have several words. The label column then more likely
  /// contains texts, or numbers that are not classes.
  private func checkRepetition() throws(FileError) {
    var counts: [String: Int] = [:]
    for example in examples { if let label = example.label { counts[label, default: 0] += 1 } }
    let single = counts.filter { $0.value == 1 }.map(\.key)
    let phrases = single.count { $0.contains(where: \.isWhitespace) }
    guard 2 * single.count > counts.count,
      counts.count >= Self.manyLabels || (counts.count > 2 && 2 * phrases > single.count)
    else { return }
    throw FileError(
      .malformed, path: path,
      reason: "\(single.count) of its \(counts.count) labels occur only once, as in a column of "
        + "texts" + (columns.map { " (\($0))" } ?? ""),
      remedy: "name the columns with `columns`, such as text=2,label=1, or say `task` "
        + "classification if each is a class, regression if they are scores")
  }

  private static let manyLabels = 12
}
