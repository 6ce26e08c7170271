import Foundation
import PEFTData
import PEFTModels
import PEFTTensor
import PEFTTrain

/// Every run of a study.
public struct StudyResults: Sendable {
  /// The file with a line for every run.
  public static let tableName = "results.csv"

  /// What was asked.
  public let study: Study
  /// How methods are compared, by problem.
  public let metrics: [String: PrimaryMetric]
  /// The parameters of the models, by problem.
  public let parameters: [String: Int]
  /// The rows in their order.
  public var entries: [Entry]

  /// A row with its runs.
  public struct Entry: Sendable {
    /// The row.
    public let row: StudyRow
    /// Every run, those that chose the learning rate included.
    public let trials: [StudyTrial]

    /// A row with its runs.
    package init(row: StudyRow, trials: [StudyTrial]) {
      self.row = row
      self.trials = trials
    }

    /// The runs with the chosen learning rate, one a seed.
    public var chosen: [StudyRun] { trials.filter(\.isChosen).map(\.run) }
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
    public func mean(_ quantity: (StudyRun) -> Double) -> Double {
      Self.mean(chosen.map(quantity))
    }

    private static func mean(_ values: [Double]) -> Double {
      values.reduce(0, +) / Double(max(1, values.count))
    }
  }

  /// The results of `study`.
  package init(
    study: Study, metrics: [String: PrimaryMetric], parameters: [String: Int], entries: [Entry]
  ) {
    self.study = study
    self.metrics = metrics
    self.parameters = parameters
    self.entries = entries
  }

  /// The values of the primary metric as scores, more of which is better, one a seed; nil
  /// where a run has none.
  public func scores(_ entry: Entry, on split: String) -> [Double]? {
    guard let metric = metrics[entry.row.problem] else { return nil }
    return entry.values(metric.name, on: split)?.map { metric.higherIsBetter ? $0 : -$0 }
  }

  /// Every run as a line of comma-separated values; `chosen` is 0 for those that were tried only.
  /// All columns but the seconds and the memory are functions of the study.
  public var table: String {
    var text =
      "problem,method,family,budget,row,seed,learning_rate,chosen,trainable,backbone,head,"
      + "parameters,stored_bytes,steps,metric,dev,test,dev_loss,test_loss,train_seconds,probe_seconds,peak_memory\n"
    for entry in entries {
      let row = entry.row
      let metric = metrics[row.problem]?.name ?? ""
      for trial in entry.trials {
        let run = trial.run
        let footprint = run.footprint
        let numbers = [(metric, "dev"), (metric, "test"), ("loss", "dev"), ("loss", "test")].map {
          run[$0.0, $0.1].map { "\($0)" } ?? ""
        }
        let fields =
          [
            row.problem, row.method, row.family, row.budget.map { "\($0)" } ?? "", row.label,
            "\(run.seed)", "\(run.learningRate)", trial.isChosen ? "1" : "0", "\(run.trainable)",
            footprint.map { "\(run.trainable - $0.head)" } ?? "",
            footprint.map { "\($0.head)" } ?? "", footprint.map { "\($0.parameters)" } ?? "",
            footprint.map { "\($0.storedBytes)" } ?? "", "\(run.steps)", metric,
          ] + numbers + [
            String(format: "%.3f", run.seconds), String(format: "%.3f", run.probeSeconds),
            footprint.map { "\($0.peakMemory)" } ?? "",
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
