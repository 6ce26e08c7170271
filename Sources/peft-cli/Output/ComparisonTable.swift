import Foundation
import PEFTReport
import PEFTStudy

/// A table of methods, best first.
struct ComparisonTable {
  let comparison: Comparison

  init(_ comparison: Comparison) { self.comparison = comparison }

  var lines: [String] {
    let metric = comparison.metric
    let further = comparison.furtherMetrics
    var table = TextTable(
      header: ["method", "parameters", "share", "rate", "dev", "test"] + further + ["seconds"])
    let sign = comparison.higherIsBetter ? 1.0 : -1.0
    func rank(_ entry: Comparison.Entry) -> Double {
      sign * (entry.mean(metric, on: comparison.split) ?? -sign * .infinity)
    }
    let order = comparison.entries.sorted { rank($0) > rank($1) }
    for entry in order {
      table.add(
        [
          entry.label, entry.trainable.grouped,
          String(
            format: "%.3f %%",
            100 * Double(entry.trainable) / Double(comparison.modelParameters)),
          String(format: "%.0e", entry.learningRate), score(entry, metric, "dev"),
          score(entry, metric, "test"),
        ] + further.map { score(entry, $0, comparison.split) } + [
          String(format: "%.0f", entry.seconds)
        ])
    }
    let seeds = comparison.entries.first?.runs.count ?? 0
    return table.lines(width: .max) + [
      "\(metric)\(comparison.higherIsBetter ? "" : " (less is better)"), mean over \(seeds) seed\(seeds == 1 ? "" : "s")"
        + (seeds > 1 ? " ± standard deviation" : "")
        + "; seconds of training, including the probe for the selection"
    ]
  }

  private func score(_ entry: Comparison.Entry, _ metric: String, _ split: String) -> String {
    guard let mean = entry.mean(metric, on: split) else { return "" }
    let deviation = entry.deviation(metric, on: split)
    return ProgressLine.format(mean) + (deviation.map { " ± " + ProgressLine.format($0) } ?? "")
  }
}
