import Foundation
import PEFTTensor

/// Shows how a data file was interpreted: its rows and columns, the labels with their counts, and
/// the lengths in tokens. From this a user notices if a column was mistaken for another.
public struct DataSummary: Sendable {
  /// One fact per line.
  public let lines: [String]

  /// The largest number of labels listed.
  private static let labelLimit = 10

  /// Summarises the rows of a file and their encoding.
  ///
  /// - Parameters:
  ///   - task: the task of the data.
  ///   - maximumLength: the longest sequence, in tokens.
  ///   - lengthLimit: the largest value that can be chosen for it; nil if it cannot be chosen.
  public init(
    _ rows: TaskReader.Rows, as task: any PredictionTask, encoded: EncodedDataset,
    maximumLength: Int, lengthLimit: Int? = nil
  ) {
    let count = rows.examples.count
    var first = "\(rows.path): \(count) \(count == 1 ? "row" : "rows")"
    if let columns = rows.columns { first += ", \(columns)" }
    first += "; task \(type(of: task).name)"
    var lines = [first]
    if let labels = Self.labels(of: rows, task) { lines.append(labels) }
    if !(task is LanguageModelling), let lengths = Self.lengths(of: encoded, maximumLength) {
      lines.append(lengths)
    }
    if task is Chat {
      let learnt = (0..<encoded.count).reduce(0) { $0 + encoded.predictedCount($1) }
      lines.append(
        "  \(learnt) of \(encoded.lengths.reduce(0, +)) tokens are the assistant's and are learnt"
      )
    }
    if encoded.truncatedCount > 0 {
      lines.append(Self.cut(encoded, rows.path, maximumLength, lengthLimit))
    }
    self.lines = lines
  }

  private static func labels(
    of rows: TaskReader.Rows, _ task: any PredictionTask
  ) -> String? {
    if task is Regression || task is Similarity {
      let values = rows.examples.compactMap { $0.label.flatMap(finiteNumber) }
      guard let low = values.min(), let high = values.max() else { return nil }
      let mean = values.reduce(0, +) / Double(values.count)
      return "  scores from \(shown(low)) to \(shown(high)), mean \(shown(mean))"
    }
    guard task.classes != nil else { return nil }
    var counts: [String: Int] = [:]
    for example in rows.examples {
      if task is MultiLabelClassification {
        for name in MultiLabelClassification.names(of: example, task) {
          counts[name, default: 0] += 1
        }
      } else if let label = example.label {
        counts[label, default: 0] += 1
      }
      for word in example.words { if let tag = word.tag { counts[tag, default: 0] += 1 } }
    }
    guard !counts.isEmpty else { return nil }
    let sorted = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
    let listed = sorted.prefix(labelLimit).map { "\($0.key) \($0.value)" }
    return "  \(counts.count) \(counts.count == 1 ? "label" : "labels"): "
      + listed.joined(separator: ", ")
      + (sorted.count > labelLimit ? " and \(sorted.count - labelLimit) more" : "")
  }

  private static func lengths(of encoded: EncodedDataset, _ maximumLength: Int) -> String? {
    let sorted = encoded.lengths.sorted()
    guard let longest = sorted.last else { return nil }
    let high = sorted[min(sorted.count - 1, sorted.count * 95 / 100)]
    return "  tokens of a row: median \(sorted[sorted.count / 2]), 95 % up to \(high), longest "
      + "\(longest) (limit \(maximumLength))"
  }

  /// How many texts were cut, and what would keep them.
  private static func cut(
    _ encoded: EncodedDataset, _ path: String, _ maximumLength: Int, _ limit: Int?
  ) -> String {
    let share = 100 * Double(encoded.truncatedCount) / Double(encoded.count)
    let remedy: String =
      switch limit {
      case nil: "the model was trained with no more"
      case .some(let limit) where encoded.longest <= limit:
        "`max-length` \(encoded.longest) keeps all"
      case .some(let limit) where maximumLength < limit:
        "the longest has \(encoded.longest), and `max-length` \(limit) is the model's limit"
      default: "the model takes no more"
      }
    return "\(path): \(encoded.truncatedCount) of \(encoded.count) texts (\(shown(share)) %) were "
      + "cut to \(maximumLength) tokens; \(remedy)"
  }

  private static func shown(_ value: Double) -> String { String(format: "%.4g", value) }
}
