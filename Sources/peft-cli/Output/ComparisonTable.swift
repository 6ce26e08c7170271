import Foundation
import PEFTReport
import PEFTStudy

/// A table of methods, best first, with what a reader must know of their scores below it.
struct ComparisonTable {
  let comparison: Comparison
  /// The number of columns of the terminal.
  let width: Int

  /// Whether only warnings follow the table, because an answer in words does.
  let isBrief: Bool

  init(_ comparison: Comparison, width: Int = Console.width, isBrief: Bool = false) {
    self.comparison = comparison
    self.width = width
    self.isBrief = isBrief
  }

  /// A column of the table.
  private struct Column {
    let name: String
    let cell: (Comparison.Entry) -> String
    /// The cell of the baseline.
    var baseline = ""
    /// Whether the column is left out where the terminal is too narrow.
    var isOptional = false
  }

  private var columns: [Column] {
    let metric = comparison.metric
    func split(_ name: String) -> Column {
      Column(
        name: name, cell: { score($0, metric, name) },
        baseline: comparison.baseline(on: name)?[metric].map(ProgressLine.format) ?? "")
    }
    return [
      Column(name: "parameters", cell: { $0.trainable.grouped }, baseline: "0"),
      Column(name: "share", cell: share, isOptional: true),
    ]
      + ["dev", "test"].filter { name in
        comparison.entries.contains { $0.mean(metric, on: name) != nil }
      }.map(split)
      + comparison.furtherMetrics.map { name in
        Column(name: name, cell: { score($0, name, comparison.split) })
      } + sizes + [
        Column(name: "seconds", cell: { String(format: "%.0f", $0.seconds) }, isOptional: true)
      ]
  }

  /// The bytes that are stored and the peak memory, as far as they are known.
  private var sizes: [Column] {
    let columns: [(name: String, size: (Comparison.Entry) -> Int?)] = [
      ("stored", { $0.storedBytes }), ("memory", { $0.peakMemory }),
    ]
    return columns.filter { column in comparison.entries.contains { column.size($0) != nil } }.map {
      column in
      Column(
        name: column.name, cell: { column.size($0).map { ReportText.bytes($0) } ?? "" },
        isOptional: true)
    }
  }

  var lines: [String] {
    var columns = columns
    var table = table(columns)
    while table.width > width, let last = columns.lastIndex(where: \.isOptional) {
      columns.remove(at: last)
      table = self.table(columns)
    }
    return table.lines(width: width)
      + notes(columns).flatMap { ReportText.wrapped($0, to: width, indent: 2) }
  }

  private func notes(_ columns: [Column]) -> [String] {
    isBrief
      ? comparison.notes.filter { $0.hasPrefix("warning: ") }
      : comparison.notes + [caption(columns)]
  }

  private func table(_ columns: [Column]) -> TextTable {
    let (metric, split) = (comparison.metric, comparison.split)
    let sign = comparison.higherIsBetter ? 1.0 : -1.0
    func rank(_ value: Double?) -> Double { value.map { sign * $0 } ?? -.infinity }
    var rows = comparison.entries.map { entry in
      (
        rank: rank(entry.mean(metric, on: split)),
        cells: [entry.label + (comparison.isOverBudget(entry) ? " (over budget)" : "")]
          + columns.map { $0.cell(entry) }
      )
    }
    if let baseline = comparison.baseline(on: split) {
      rows.append((rank(baseline[metric]), ["baseline"] + columns.map(\.baseline)))
    }
    var table = TextTable(header: ["method"] + columns.map(\.name))
    for row in rows.sorted(by: { $0.rank > $1.rank }) { table.add(row.cells) }
    return table
  }

  private func caption(_ columns: [Column]) -> String {
    let seeds = comparison.entries.first?.runs.count ?? 0
    return
      "\(comparison.metric)\(comparison.higherIsBetter ? "" : " (less is better)"), mean over "
      + "\(seeds) seed\(seeds == 1 ? "" : "s")" + (seeds > 1 ? " ± standard deviation" : "")
      + (columns.contains { $0.name == "seconds" } ? "; seconds include the selection's probe" : "")
  }

  private func share(_ entry: Comparison.Entry) -> String {
    String(
      format: "%.3f %%", 100 * Double(entry.trainable) / Double(comparison.modelParameters))
  }

  private func score(_ entry: Comparison.Entry, _ metric: String, _ split: String) -> String {
    guard let mean = entry.mean(metric, on: split) else { return "" }
    let deviation = entry.deviation(metric, on: split)
    return ProgressLine.format(mean) + (deviation.map { " ± " + ProgressLine.format($0) } ?? "")
  }
}
