import Foundation
import PEFTModels
import PEFTReport
import PEFTTensor
import PEFTTrain

/// The page that shows runs: one self-contained HTML file that needs no network.
package struct RunReport {
  /// The file's name in a run directory.
  package static let fileName = "report.html"

  /// A run as shown on the page.
  package struct Run {
    let name: String
    let manifest: RunManifest
    let history: RunHistory
    /// The machine and software of the run.
    let environment: [(String, String)]

    /// Creates a run; `environment` describes its machine and software.
    package init(
      name: String, manifest: RunManifest, history: RunHistory, environment: [(String, String)]
    ) {
      self.name = name
      self.manifest = manifest
      self.history = history
      self.environment = environment
    }
  }

  /// The runs of the page, none of them singled out.
  package let runs: [Run]

  /// The page for these runs.
  package init(runs: [Run]) { self.runs = runs }

  /// The page as HTML.
  package var html: String {
    var page = HTMLPage(title: runs.count == 1 ? "\(runs[0].manifest.method.name) run" : "Runs")
    if runs.count == 1 {
      let manifest = runs[0].manifest
      page.answer(
        about: "\((manifest.modelDirectory as NSString).lastPathComponent), trained by peft",
        headline: Self.headline(manifest), lead: [], figures: Self.figures(manifest))
      addMetrics(of: manifest, to: &page)
    } else {
      page.heading("\(runs.count) runs", level: 1)
      addComparison(to: &page)
    }
    page.heading("Training")
    page.figure(lossChart.svg(width:))
    if let scoreChart { page.figure(scoreChart.svg(width:)) }
    if runs.count == 1, let rates = runs[0].manifest.rates { Self.add(rates, to: &page) }
    page.heading("Details")
    for run in runs {
      page.foldedFacts(runs.count == 1 ? "The run" : "Run \(run.name)", Self.facts(run.manifest))
      if let command = run.history.command {
        page.folded("How to reproduce " + (runs.count == 1 ? "it" : run.name)) { $0.code(command) }
      }
      page.foldedFacts(
        "Machine and software" + (runs.count == 1 ? "" : " of \(run.name)"),
        run.environment.filter { $0.0 != "command" })
    }
    return page.html
  }

  private var lossChart: CurveChart {
    CurveChart(
      lines: runs.map { CurveChart.Line($0.name, $0.history.losses, isOurs: runs.count == 1) },
      valueName: "training loss")
  }

  /// The chart of the task's primary metric; nil if it was not evaluated.
  private var scoreChart: CurveChart? {
    let metric = runs[0].manifest.task.primaryMetric.name
    let lines = runs.map {
      CurveChart.Line($0.name, $0.history.values(of: metric, on: "dev"), isOurs: runs.count == 1)
    }
    guard lines.contains(where: { $0.points.count > 1 }) else { return nil }
    return CurveChart(lines: lines, valueName: "\(metric) on dev")
  }

  /// The largest number of classes on the page.
  package static let classLimit = 40

  private func addMetrics(of manifest: RunManifest, to page: inout HTMLPage) {
    for warning in manifest.checks.warnings { page.sentence("warning: " + warning) }
    let table = manifest.metricTable
    page.table("Metrics", header: ["split"] + table.names, rows: table.rows)
    if let note = manifest.checks.baselineNote { page.sentence(note) }
    guard let (split, matrix) = manifest.checks.confusion, let classes = manifest.task.classes
    else { return }
    page.heading("Classes on \(split)")
    matrix.tables(classes.names, limit: Self.classLimit).add(to: &page)
  }

  /// Shows how the run found its learning rate.
  private static func add(_ rates: RateSearch, to page: inout HTMLPage) {
    page.heading("Learning rate")
    page.sentence(
      rates.estimate.map {
        String(
          format:
            "The estimate is %g: the rate at which the first steps move the model's features by "
            + "%g of their spread", $0.rate, RateEstimate.reach)
      } ?? "Only the head trains at the beginning, so there is no estimate")
    guard !rates.arms.isEmpty else { return }
    page.table(
      "Rates tried on the first \(rates.steps) steps", header: ["rate", "steps", "loss"],
      rows: rates.arms.map { arm in
        [
          "\(arm.rate)" + (arm.rate == rates.rate ? " (chosen)" : ""), "\(arm.steps)",
          arm.loss.map { ReportText.metric($0) } ?? "given up",
        ]
      })
  }

  private func addComparison(to page: inout HTMLPage) {
    let split =
      runs.allSatisfy { $0.manifest.metrics.contains { $0.split == "test" } }
      ? "test" : "dev"
    let names = runs[0].manifest.metricNames
    page.table(
      "Runs",
      header: ["run", "method", "parameters", "steps", "seconds"]
        + names.map { "\($0) on \(split)" },
      rows: runs.map { run in
        let manifest = run.manifest
        let values = manifest.metrics.first { $0.split == split }?.values ?? []
        return [
          run.name, manifest.method.name, ReportText.grouped(manifest.counts.trainable),
          "\(manifest.outcome.steps)", String(format: "%.1f", manifest.outcome.seconds),
        ]
          + names.map { name in
            values.first { $0.name == name }.map { ReportText.metric($0.value) } ?? "–"
          }
      })
  }

  private static func facts(_ manifest: RunManifest) -> [(String, String)] {
    let outcome = manifest.outcome
    let share = 100 * Double(manifest.counts.trainable) / Double(manifest.counts.parameters)
    return [
      ("Base model", manifest.modelDirectory), ("Method", manifest.method.name),
      (
        "Trained parameters",
        "\(manifest.counts.trainable) of \(manifest.counts.parameters) "
          + String(format: "(%.3g %%)", share)
      ),
      ("Steps", "\(outcome.steps) of \(outcome.plannedSteps), \(outcome.ending.rawValue)"),
      ("Best step", "\(outcome.bestStep)"),
    ]
      + (manifest.rates.map {
        [
          (
            "Learning rate",
            "\($0.rate), found in " + String(format: "%.1f s", $0.seconds)
          )
        ]
      } ?? []) + [
        ("Training time", trainingTime(outcome)),
        ("Speed", speed(outcome)), ("Seed", "\(manifest.seed)"),
      ]
  }

  /// The tokens per second; a run of two steps has not been timed.
  private static func speed(_ outcome: TrainingOutcome) -> String {
    outcome.tokensPerSecond > 0
      ? String(format: "%.0f tokens/s", outcome.tokensPerSecond) : "not measured"
  }

  private static func trainingTime(_ outcome: TrainingOutcome) -> String {
    let time = String(format: "%.1f s", outcome.seconds)
    guard outcome.choosingSeconds > 0 else { return time }
    return time + String(format: ", %.1f s of it to choose what trains", outcome.choosingSeconds)
  }

  /// The last score of the primary metric, as it is written; nil without one.
  private static func score(
    _ manifest: RunManifest
  ) -> (scale: ScoreScale, value: Double)? {
    let primary = manifest.task.primaryMetric
    guard let last = manifest.metrics.last,
      let value = last.values.first(where: { $0.name == primary.name })?.value
    else { return nil }
    return (
      ScoreScale(
        primary.name, on: last.split, higherIsBetter: primary.higherIsBetter,
        rowCount: manifest.checks.baseline(on: last.split)?.rowCount),
      value
    )
  }

  private static func headline(_ manifest: RunManifest) -> String {
    guard let (scale, value) = score(manifest) else {
      return "\(manifest.method.name): trained, not evaluated"
    }
    return "\(manifest.method.name): \(scale.text(value)) \(scale.name) on \(scale.split)"
  }

  private static func figures(_ manifest: RunManifest) -> [KeyFigure] {
    let counts = manifest.counts
    var figures: [KeyFigure] = []
    if let (scale, value) = score(manifest) {
      figures.append(
        .init(
          name: "\(scale.name.prefix(1).uppercased() + scale.name.dropFirst()) on \(scale.split)",
          value: scale.text(value),
          note: scale.sampling(value).map { "one seed, ± \(scale.number($0))" } ?? "one seed"))
    }
    figures.append(
      .init(
        name: "Trained parameters", value: ReportText.grouped(counts.trainable),
        note: "\(ReportText.percent(Double(counts.trainable), of: Double(counts.parameters))) of "
          + ReportText.grouped(counts.parameters)))
    figures.append(
      .init(
        name: "Training time", value: ReportText.duration(manifest.outcome.seconds),
        note: speed(manifest.outcome)))
    return figures
  }
}
