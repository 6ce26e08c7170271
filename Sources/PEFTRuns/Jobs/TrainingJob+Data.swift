import PEFTData
import PEFTTensor

extension TrainingJob {
  /// The length up to which no text is cut by default, as far as the model takes it.
  static let usualLength = 128

  /// The encoded training rows, for a reader whose length fits them.
  ///
  /// If no length was chosen, it is that of 95 % of the rows, rounded up to a multiple of 8, and at
  /// least `usualLength` and the longest prompt. Batches are packed, so that a longer limit costs
  /// nothing where texts are short.
  func fitted(
    _ rows: TaskReader.Rows, as task: any PredictionTask, _ reader: inout TaskReader
  ) throws(FileError) -> EncodedDataset {
    let limit = reader.maximumLength
    guard maximumLength == nil else { return try task.encode(rows, by: reader) }
    guard !(task is LanguageModelling) else {
      reader.maximumLength = min(Self.usualLength, limit)
      return try task.encode(rows, by: reader)
    }
    let whole = try task.encode(rows, by: reader)
    let sorted = whole.lengths.sorted()
    let most = sorted.isEmpty ? 0 : sorted[min(sorted.count - 1, sorted.count * 95 / 100)]
    let prompt = task is Completion || task is Chat ? whole.longestPrompt + 1 : 0
    let fitting = (max(most, prompt) + 7) / 8 * 8
    reader.maximumLength = min(limit, max(Self.usualLength, fitting))
    return sorted.last ?? 0 > reader.maximumLength
      ? try task.encode(rows, by: reader) : whole
  }

  /// The rows outside of the job's fold, and those of it; all rows and nil without a fold.
  func foldParts(
    of rows: TaskReader.Rows, as task: any PredictionTask
  ) throws(InvalidSetting) -> (train: TaskReader.Rows, test: TaskReader.Rows?) {
    guard let fold else { return (rows, nil) }
    guard testPath == nil else {
      throw InvalidSetting(
        setting: "folds", value: fold.count, "each fold is tested on; leave out the `test` data")
    }
    guard let split = HoldoutSplit(rows.examples, fold: fold, as: task) else {
      throw InvalidSetting(
        setting: "folds", value: fold.count,
        task is LanguageModelling
          ? "running text has no rows to divide"
          : "\(rows.path) has fewer different texts than that")
    }
    return (
      rows.part(split.train),
      rows.part(split.dev, name: "\(rows.path) (fold \(fold.number) of \(fold.count))")
    )
  }

  /// The rows to train on, and those held out as dev data.
  func parts(
    of rows: TaskReader.Rows, as task: any PredictionTask, note: (String) -> Void
  ) throws(InvalidSetting) -> (train: TaskReader.Rows, dev: TaskReader.Rows?) {
    guard let holdout else { return (rows, nil) }
    guard devPath == nil else {
      throw InvalidSetting(
        setting: "holdout", value: holdout, "there are `dev` data; leave out one of the two")
    }
    let isText = task is LanguageModelling && rows.examples.count == 1
    guard let split = HoldoutSplit(rows.examples, holdout, as: task) else {
      let count = rows.examples.count
      let reason =
        if isText {
          "\(rows.path) has too few lines to hold some out"
        } else if holdout == .auto ? count < Holdout.leastRows : holdout.count(of: count) >= count {
          "\(rows.path) has \(count) rows, too few to hold out "
            + (holdout == .auto ? "a tenth (\(Holdout.leastRows) are needed)" : "so many")
        } else {
          "too few texts of \(rows.path) differ to hold one out with its equals"
        }
      guard holdout == .auto else {
        throw InvalidSetting(setting: "holdout", value: holdout, reason)
      }
      note("no dev data: \(reason); name `dev` data, or say with `holdout` how many rows")
      return (rows, nil)
    }
    note(
      "held out as dev data: "
        + (isText
          ? "the last lines of \(rows.path)"
          : "\(split.dev.count) of the \(rows.examples.count) rows of \(rows.path), "
            + (split.isStratified ? "in proportion from every label" : "at random"))
        + ", the same for every seed (`holdout`)" + rareLabels(of: split))
    return (rows.part(split.train), rows.part(split.dev, name: "\(rows.path) (held out)"))
  }

  /// A clause about labels so rare that all their rows stay to train on.
  private func rareLabels(of split: HoldoutSplit) -> String {
    guard split.isStratified else { return "" }
    let rare = Set(split.train.compactMap(\.label)).subtracting(split.dev.compactMap(\.label))
      .sorted()
    guard !rare.isEmpty else { return "" }
    return
      "; \(rare.count == 1 ? "one label is" : "\(rare.count) labels are") too rare to be in it: "
      + rare.prefix(5).joined(separator: ", ") + (rare.count > 5 ? ", …" : "")
  }
}
