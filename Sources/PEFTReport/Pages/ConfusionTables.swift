import Foundation
import PEFTTensor

/// The answers of a classifier as two tables: true classes by answers, and the scores of each
/// class.
package struct ConfusionTables {
  /// A class with its scores.
  package struct Row {
    let name: String
    let support: Int
    let numbers: [Double]

    /// A class called `name` with `support` rows, and its precision, recall and F1.
    package init(name: String, support: Int, precision: Double, recall: Double, f1: Double) {
      self.name = name
      self.support = support
      numbers = [precision, recall, f1]
    }
  }

  /// The shown classes, in order.
  private let rows: [Row]
  /// The counts by true class and answer, `rows.count` × `rows.count`.
  private let counts: [[Int]]
  /// The number of classes that are not shown.
  private let hidden: Int

  /// Tables of some classes: `counts[k][j]` rows of the class k were answered j.
  ///
  /// - Parameter hidden: the number of further classes, which are not shown.
  package init(_ rows: [Row], counts: [[Int]], hidden: Int) {
    precondition(
      rows.count == counts.count && counts.allSatisfy { $0.count == rows.count },
      "ConfusionTables: \(rows.count) classes, \(counts.map(\.count)) counts")
    self.rows = rows
    self.counts = counts
    self.hidden = hidden
  }

  /// The columns of `matrix`: the true class, the answers, and all other answers if classes are
  /// hidden.
  private func header(_ names: [String]) -> [String] {
    ["true class, by answer"] + names + (hidden > 0 ? ["others"] : [])
  }

  private func matrix(_ names: [String]) -> [[String]] {
    zip(zip(rows, names), counts).map { row, counts in
      let others = row.0.support - counts.reduce(0, +)
      return [row.1] + counts.map(ReportText.grouped)
        + (hidden > 0 ? [ReportText.grouped(others)] : [])
    }
  }

  private static let scoreHeader = ["class", "support", "precision", "recall", "F1"]

  private var scores: [[String]] {
    rows.map { row in
      [row.name, ReportText.grouped(row.support)] + row.numbers.map { String(format: "%.4f", $0) }
    }
  }

  private var rest: String {
    "… and \(ReportText.grouped(hidden)) \(hidden == 1 ? "class" : "classes") with fewer rows"
  }

  /// The tables for a terminal of `width` columns. Answers are numbered, as their classes are.
  package func lines(width: Int) -> [String] {
    let numbered = rows.enumerated().map { "\($0 + 1) \($1.name)" }
    var scores = TextTable(header: Self.scoreHeader)
    for row in self.scores { scores.add(row) }
    var matrix = TextTable(header: header(rows.indices.map { "\($0 + 1)" }))
    for row in self.matrix(numbered) { matrix.add(row) }
    return scores.lines(width: width) + (hidden > 0 ? [rest] : []) + [""]
      + matrix.lines(width: width)
  }

  /// Adds both tables to a page.
  package func add(to page: inout HTMLPage) {
    page.matrix(
      "Confusion matrix: rows are the true class, columns the answer",
      header: header(rows.map(\.name)),
      rows: zip(rows, counts).map { row, counts in
        let others = row.support - counts.reduce(0, +)
        return (row.name, counts + (hidden > 0 ? [others] : []))
      })
    page.table("Scores of each class", header: Self.scoreHeader, rows: scores)
    if hidden > 0 { page.sentence(rest) }
  }
}
