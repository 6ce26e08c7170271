import Foundation
import PEFTData
import PEFTModels
import PEFTTensor
import PEFTTrain

/// A run among those of its row.
public struct SuiteRun: Sendable {
  /// The run.
  public let cell: SuiteCell
  /// Whether its learning rate is the one chosen; the others were tried only.
  public let isChosen: Bool

  /// A run among those of its row.
  package init(cell: SuiteCell, isChosen: Bool) {
    self.cell = cell
    self.isChosen = isChosen
  }
}

/// Every run of a suite.
public struct SuiteResults: Sendable {
  /// The file with a line for every run.
  public static let tableName = "results.csv"

  /// What was asked.
  public let suite: ComparisonSuite
  /// How methods are compared, by problem.
  public let metrics: [String: PrimaryMetric]
  /// The rows in their order.
  public let entries: [Entry]

  /// A row with its runs.
  public struct Entry: Sendable {
    /// The row.
    public let row: SuiteRow
    /// Every run, those that chose the learning rate included.
    public let runs: [SuiteRun]

    /// A row with its runs.
    package init(row: SuiteRow, runs: [SuiteRun]) {
      self.row = row
      self.runs = runs
    }

    /// The runs with the chosen learning rate, one a seed.
    public var chosen: [SuiteCell] { runs.filter(\.isChosen).map(\.cell) }
    /// The largest number of parameters that trained.
    public var trainable: Int { chosen.map(\.trainable).max() ?? 0 }
    /// The mean of the number of parameters that trained.
    public var meanTrainable: Double { Self.mean(chosen.map { Double($0.trainable) }) }

    /// The values of a metric, one a seed; nil where a run has none, or none that is finite.
    public func values(_ metric: String, on split: String) -> [Double]? {
      let values = chosen.compactMap { $0[metric, split] }.filter(\.isFinite)
      return values.count == chosen.count && !values.isEmpty ? values : nil
    }

    /// The mean over the seeds of a quantity of each run.
    public func mean(_ quantity: (SuiteCell) -> Double) -> Double {
      Self.mean(chosen.map(quantity))
    }

    private static func mean(_ values: [Double]) -> Double {
      values.reduce(0, +) / Double(max(1, values.count))
    }
  }

  /// The results of `suite`.
  package init(suite: ComparisonSuite, metrics: [String: PrimaryMetric], entries: [Entry]) {
    self.suite = suite
    self.metrics = metrics
    self.entries = entries
  }

  /// The values of the primary metric as scores, more of which is better, one a seed; nil
  /// where a run has none.
  public func scores(_ entry: Entry, on split: String) -> [Double]? {
    guard let metric = metrics[entry.row.problem] else { return nil }
    return entry.values(metric.name, on: split)?.map { metric.higherIsBetter ? $0 : -$0 }
  }

  /// Every run as a line of comma-separated values; `chosen` is 0 for those that were tried only.
  /// All columns but the seconds and the memory are functions of the suite.
  public var table: String {
    var text =
      "problem,method,family,budget,row,seed,learning_rate,chosen,trainable,backbone,head,parameters,stored_bytes,"
      + "steps,metric,dev,test,dev_loss,test_loss,train_seconds,probe_seconds,peak_memory\n"
    for entry in entries {
      let row = entry.row
      let metric = metrics[row.problem]?.name ?? ""
      for run in entry.runs {
        let cell = run.cell
        let numbers = [(metric, "dev"), (metric, "test"), ("loss", "dev"), ("loss", "test")].map {
          cell[$0.0, $0.1].map { "\($0)" } ?? ""
        }
        let fields =
          [
            row.problem, row.method, row.family, row.budget.map { "\($0)" } ?? "", row.label,
            "\(cell.seed)", "\(cell.learningRate)", run.isChosen ? "1" : "0", "\(cell.trainable)",
            "\(cell.trainable - cell.head)",
            "\(cell.head)", "\(cell.parameters)", "\(cell.storedBytes)", "\(cell.steps)", metric,
          ] + numbers + [
            String(format: "%.3f", cell.seconds), String(format: "%.3f", cell.probeSeconds),
            "\(cell.peakMemory)",
          ]
        text += fields.map(Self.field).joined(separator: ",") + "\n"
      }
    }
    return text
  }

  /// Writes the table.
  public func writeTable(to path: String) throws(FileError) {
    try AtomicFile.write(Array(table.utf8), to: path)
  }

  /// RFC 4180.
  private static func field(_ text: String) -> String {
    text.contains { ",\"\n\r".contains($0) }
      ? "\"" + text.replacing("\"", with: "\"\"") + "\"" : text
  }
}
