import Foundation
import PEFTModels
import PEFTTensor

/// The page that shows a run: one self-contained HTML file, no network.
enum RunReport {
  /// The file's name in a run directory.
  static let fileName = "report.html"

  /// The page for a run whose training losses, by step, are `losses`.
  static func html(_ manifest: RunManifest, losses: [(step: Int, loss: Double)]) -> String {
    let share = 100 * Double(manifest.counts.trainable) / Double(manifest.counts.parameters)
    let outcome = manifest.outcome
    let facts: [(String, String)] = [
      ("Base model", manifest.modelDirectory), ("Method", manifest.method.name),
      (
        "Trained parameters",
        "\(manifest.counts.trainable) of \(manifest.counts.parameters) "
          + String(format: "(%.3g %%)", share)
      ),
      ("Steps", "\(outcome.steps) of \(outcome.plannedSteps), \(outcome.ending.rawValue)"),
      ("Best step", "\(outcome.bestStep)"),
      ("Training time", String(format: "%.1f s", outcome.seconds)),
      ("Speed", String(format: "%.0f tokens/s", outcome.tokensPerSecond)),
      ("Seed", "\(manifest.seed)"),
    ]
    var page = HTMLPage(title: "\(manifest.method.name) run")
    page.heading(headline(manifest), level: 1)
    if !manifest.metrics.isEmpty {
      let names = manifest.metricNames
      page.table(
        header: [""] + names,
        rows: manifest.metrics.map { split, values in
          [split]
            + names.map { name in
              values.first { $0.name == name }.map { ReportText.metric($0.value) } ?? ""
            }
        })
    }
    page.heading("Training loss")
    page.figure(chart(losses))
    page.heading("Run")
    page.facts(facts)
    page.heading("Environment")
    page.facts(EnvironmentReport.facts)
    return page.html
  }

  private static func headline(_ manifest: RunManifest) -> String {
    let primary = PrimaryMetric(of: manifest.task).name
    guard let last = manifest.metrics.last,
      let value = last.values.first(where: { $0.name == primary })?.value
    else { return "\(manifest.method.name): trained, not evaluated" }
    return "\(manifest.method.name): \(primary) \(String(format: "%.3f", value)) on \(last.split)"
  }

  /// The losses as a line, means of neighbouring steps where there are more than points to draw.
  private static func chart(_ losses: [(step: Int, loss: Double)]) -> String {
    let (width, height, margin, points) = (640.0, 240.0, 40.0, 200)
    let size = max(1, (losses.count + points - 1) / points)
    let means = stride(from: 0, to: losses.count, by: size).map { start in
      let part = losses[start..<min(losses.count, start + size)]
      return (
        step: Double(part.reduce(0) { $0 + $1.step }) / Double(part.count),
        loss: part.reduce(0) { $0 + $1.loss } / Double(part.count)
      )
    }
    guard let last = losses.last?.step, let top = means.map(\.loss).max(), top > 0 else {
      return ""
    }
    func x(_ step: Double) -> Double { margin + (width - 2 * margin) * step / Double(last) }
    func y(_ loss: Double) -> Double { height - margin - (height - 2 * margin) * loss / top }
    let line = means.map { String(format: "%.1f,%.1f", x($0.step), y($0.loss)) }
      .joined(separator: " ")
    let base = height - margin
    return """
      <svg viewBox="0 0 \(Int(width)) \(Int(height))" role="img"
        aria-label="Training loss over \(last) steps" font-size="12" fill="currentColor">
      <path d="M\(margin),\(margin) V\(base) H\(width - margin)" fill="none" stroke="#888"/>
      <polyline points="\(line)" fill="none" stroke="#2a6fdb" stroke-width="1.5"/>
      <text x="4" y="\(margin + 4)">\(String(format: "%.2f", top))</text>
      <text x="4" y="\(base)">0</text>
      <text x="\(width - margin)" y="\(height - 16)" text-anchor="end">step \(last)</text>
      </svg>
      """
  }
}
