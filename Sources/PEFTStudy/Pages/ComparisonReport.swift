import PEFTReport

/// The page that compares methods on a task.
struct ComparisonReport {
  private let comparison: Comparison
  private let curves: CurveChart
  private let environment: [(String, String)]

  /// The page for a comparison, with the losses of its runs and the environment in which they were
  /// made.
  init(_ comparison: Comparison, _ curves: CurveChart, environment: [(String, String)]) {
    self.comparison = comparison
    self.curves = curves
    self.environment = environment
  }

  /// The page as HTML.
  var html: String {
    let chart = ScoreChart(comparison)
    var page = HTMLPage(title: "Comparison")
    page.heading(headline(chart), level: 1)
    for note in comparison.notes { page.sentence(note) }
    page.figure(chart.svg, label: "Chart of scores by parameters")
    page.table("Methods", header: chart.header, rows: chart.cells)
    page.heading("Training")
    page.figure(curves.svg, label: "Chart of training losses")
    page.foldedTable("Every run", header: header, rows: rows)
    if let command = environment.first(where: { $0.0 == "command" })?.1 {
      page.heading("To reproduce it")
      page.code(command)
    }
    page.environment(environment)
    return page.html
  }

  private func headline(_ chart: ScoreChart) -> String {
    let scored = chart.rows.filter { $0.mean != nil }
    let best =
      comparison.higherIsBetter
      ? scored.max { ($0.mean ?? 0) < ($1.mean ?? 0) }
      : scored.min { ($0.mean ?? 0) < ($1.mean ?? 0) }
    guard let best, let mean = best.mean else { return "Nothing was compared" }
    return "\(best.label) is ahead of \(scored.count - 1) others: \(chart.scoreName) "
      + ReportText.metric(mean)
  }

  private var header: [String] {
    [
      "method", "seed", "steps", "seconds", "\(comparison.metric) on dev",
      "\(comparison.metric) on test",
    ]
  }

  private var rows: [[String]] {
    comparison.entries.flatMap { entry in
      entry.runs.map { run in
        [
          entry.label, "\(run.seed)", ReportText.grouped(run.steps), ReportText.metric(run.seconds),
        ]
          + ["dev", "test"].map { split in
            run[comparison.metric, split].map { ReportText.metric($0) } ?? "–"
          }
      }
    }
  }
}
