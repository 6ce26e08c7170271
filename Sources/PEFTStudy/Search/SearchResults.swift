import Foundation
import PEFTData
import PEFTReport
import PEFTRuns
import PEFTTensor

/// The result of a search: its trials, the best first, as a table and as a document.
public struct SearchResults: Sendable {
  /// The name of the document.
  public static let fileName = "tune.json"
  /// The name of the table with one line for each trial.
  public static let tableName = "trials.csv"

  /// The search.
  public let search: HyperparameterSearch
  /// The metric by which trials were judged.
  public let metric: PrimaryMetric
  /// The trials, the best first.
  public let ranked: [SearchTrial]
  /// The metrics of the best trial on the test data; empty without test data.
  public let test: [(name: String, value: Double)]

  /// The best trial.
  public var best: SearchTrial { ranked[0] }

  /// The results of `search`.
  package init(
    search: HyperparameterSearch, metric: PrimaryMetric, ranked: [SearchTrial],
    test: [(name: String, value: Double)]
  ) {
    precondition(!ranked.isEmpty, "SearchResults: no trials")
    self.search = search
    self.metric = metric
    self.ranked = ranked
    self.test = test
  }

  /// The document.
  public var json: JSONValue {
    let best = best
    var winner: JSONObject = [
      "trial": .integer(best.number), "settings": .object(best.settings(of: search.space)),
      "metrics": RunManifest.json(of: best.score?.metrics ?? []),
      "run": .string(SearchJob.bestName),
    ]
    if !test.isEmpty { winner["test"] = RunManifest.json(of: test) }
    return .object([
      "search": .string(search.strategy.name), "seed": .string(String(search.seed)),
      "metric": .string(metric.name), "best": .object(winner),
      "trials": .array(ranked.sorted { $0.number < $1.number }.map(json)),
    ])
  }

  private func json(of trial: SearchTrial) -> JSONValue {
    .object([
      "trial": .integer(trial.number), "settings": .object(trial.settings(of: search.space)),
      "ending": .string(trial.ending.result), "steps": .integer(trial.steps),
      "seconds": .number(trial.seconds), "trainable": .integer(trial.trainable),
      "scores": .array(trial.scores.map(\.json)),
    ])
  }

  /// The metrics in the tables.
  private var shownMetrics: [String] {
    metric == .loss ? [metric.name] : [metric.name, PrimaryMetric.loss.name]
  }

  /// The names of the columns of the tables, of which the settings are a part.
  private var header: [String] {
    ["trial"] + search.space.names + shownMetrics.map { "dev \($0)" }
      + ["steps", "seconds", "trainable", "ending"]
  }

  private func row(
    _ trial: SearchTrial, number: (Double) -> String, count: (Int) -> String
  ) -> [String] {
    let metrics = shownMetrics.map { name in
      trial.score?.metrics.first { $0.name == name }.map { number($0.value) } ?? ""
    }
    return ["\(trial.number)"] + trial.values + metrics + [
      count(trial.steps), String(format: "%.1f", trial.seconds), count(trial.trainable),
      trial.ending.result,
    ]
  }

  /// The table for a terminal, the best trial first.
  ///
  /// - Parameter limit: the largest number of trials.
  public func lines(limit: Int) -> [String] {
    var table = TextTable(header: header)
    for trial in ranked.prefix(limit) {
      table.add(row(trial, number: ReportText.metric, count: ReportText.grouped))
    }
    return table.lines(width: .max)
  }

  /// Writes the document and the table.
  func write(to output: OutputDirectory) throws(FileError) {
    let lines = [header] + ranked.map { row($0, number: { "\($0)" }, count: { "\($0)" }) }
    let text = lines.map { DelimitedLine.csv($0) + "\n" }.joined()
    try AtomicFile.write(Array(text.utf8), to: output.file(Self.tableName))
    guard let document = json.object else { return }
    try SealedFile.write(document, named: Self.fileName, to: output.file(Self.fileName))
  }
}
