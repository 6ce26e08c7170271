import PEFTReport

extension RunManifest {
  /// The metrics by split as cells, each split followed by its baseline, under the `names` of the
  /// metrics.
  package var metricTable: (names: [String], rows: [[String]]) {
    let names = metricNames
    func cells(_ values: [(name: String, value: Double)]) -> [String] {
      names.map { name in
        values.first { $0.name == name }.map { ReportText.metric($0.value) } ?? ""
      }
    }
    var rows: [[String]] = []
    for (split, values) in metrics {
      rows.append([split] + cells(values))
      if let baseline = checks.baseline(on: split) {
        rows.append(["\(split) baseline"] + cells(baseline.metrics))
      }
    }
    return (names, rows)
  }
}

extension ScoreChecks {
  /// A note that says what the baselines are; nil without them.
  package var baselineNote: String? {
    baselines.first.map { "baseline: " + $0.baseline.description }
  }
}
