import PEFTReport

/// The page that compares methods on a task.
struct ComparisonReport {
  private let comparison: Comparison
  private let curves: CurveChart
  private let rates: RateStrip
  private let environment: [(String, String)]

  /// The page for a comparison, with the losses of its runs, the rates that were tried, and the
  /// environment in which they were made.
  init(
    _ comparison: Comparison, _ curves: CurveChart, _ rates: RateStrip,
    environment: [(String, String)]
  ) {
    (self.comparison, self.curves, self.rates) = (comparison, curves, rates)
    self.environment = environment
  }

  /// The page as HTML.
  var html: String {
    let chart = ScoreChart(comparison)
    let answer = ResultAnswer(chart)
    var page = HTMLPage(title: "Comparison")
    page.answer(
      about: "\(comparison.entries.count) methods compared by peft",
      headline: answer?.headline ?? "Nothing was compared", lead: answer?.sentences ?? [],
      figures: answer?.figures ?? [])
    for note in comparison.notes where note.hasPrefix("warning: ") { page.sentence(note) }
    page.heading("All methods")
    page.figure(chart.svg(width:))
    page.table("Methods", header: chart.header, rows: chart.cells, own: chart.ownRow)
    for note in comparison.notes where !note.hasPrefix("warning: ") { page.sentence(note) }
    if !rates.svg(width: 720).isEmpty {
      page.heading("Learning rates")
      page.figure(
        caption: "A ring marks a rate that was tried, a dot the one that was chosen.",
        rates.svg(width:))
    }
    page.heading("Training")
    page.figure(curves.svg(width:))
    page.heading("Details")
    page.foldedTable("All runs", header: header, rows: rows)
    page.foldedTable(
      "All learning rates tried", header: rates.table.header, rows: rates.table.rows)
    page.provenance(environment)
    return page.html
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
