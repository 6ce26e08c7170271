import Foundation
import PEFTData
import PEFTModels
import PEFTTensor
import PEFTTrain

/// Every run of a study.
public struct StudyResults: Sendable {
  /// The name of the file with one line for every run.
  public static let tableName = "results.csv"

  /// The study.
  public let study: Study
  /// The metric by which methods are compared, by problem.
  public let metrics: [String: PrimaryMetric]
  /// The numbers of parameters of the models, by problem.
  public let parameters: [String: Int]
  /// The numbers of parameters of the heads, by problem.
  public let heads: [String: Int]
  /// The scores of answers that read no text, by problem and split.
  package var baselines: [String: [(split: String, baseline: Baseline)]] = [:]
  /// The rows in order.
  public var entries: [Entry]

  /// A row with its runs.
  public struct Entry: Sendable {
    /// The row.
    public let row: StudyRow
    /// All runs, including those that only served to choose the learning rate.
    public let trials: [StudyTrial]

    /// Creates an entry.
    package init(row: StudyRow, trials: [StudyTrial]) {
      self.row = row
      self.trials = trials
    }

    /// The runs with the chosen learning rate, one per seed.
    public var chosen: [StudyRun] { trials.filter(\.isChosen).map(\.run) }
    /// The largest number of trained parameters.
    public var trainable: Int { chosen.map(\.trainable).max() ?? 0 }
    /// The mean number of trained parameters.
    public var meanTrainable: Double { Self.mean(chosen.map { Double($0.trainable) }) }

    /// The values of a metric, one per seed; nil if a run has no finite value.
    public func values(_ metric: String, on split: String) -> [Double]? {
      let values = chosen.compactMap { $0[metric, split] }.filter(\.isFinite)
      return values.count == chosen.count && !values.isEmpty ? values : nil
    }

    /// The mean of a quantity of the chosen runs over the seeds.
    public func mean(_ quantity: (StudyRun) -> Double) -> Double {
      Self.mean(chosen.map(quantity))
    }

    private static func mean(_ values: [Double]) -> Double {
      values.reduce(0, +) / Double(max(1, values.count))
    }
  }

  /// Creates the results of `study`.
  package init(
    study: Study, metrics: [String: PrimaryMetric], parameters: [String: Int],
    heads: [String: Int] = [:], entries: [Entry]
  ) {
    self.study = study
    self.metrics = metrics
    self.parameters = parameters
    self.heads = heads
    self.entries = entries
  }

  /// The values of the primary metric as scores, for which larger is better, one per seed; nil if a
  /// run has no value.
  public func scores(_ entry: Entry, on split: String) -> [Double]? {
    guard let metric = metrics[entry.row.problem] else { return nil }
    return entry.values(metric.name, on: split)?.map { metric.higherIsBetter ? $0 : -$0 }
  }

  /// Every run as a line of comma-separated values; `chosen` is 0 for runs that were only tried.
  /// All columns except seconds and memory are functions of the study.
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

  /// A field quoted by RFC 4180.
  private static func field(_ text: String) -> String {
    text.contains { ",\"\n\r".contains($0) }
      ? "\"" + text.replacing("\"", with: "\"\"") + "\"" : text
  }
}
