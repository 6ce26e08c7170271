import PEFTTensor

/// Rows of cells as aligned text: the first column left-aligned, the others right-aligned.
package struct TextTable {
  private var rows: [[String]]

  /// A table with this header and no rows.
  package init(header: [String]) { rows = [header.map(VisibleText.line)] }

  /// Adds a row. Scalars that would command a terminal are replaced.
  package mutating func add(_ row: [String]) { rows.append(row.map(VisibleText.line)) }

  /// The length of the lines if no cell is shortened.
  package var width: Int { lines(width: .max).map(\.count).max() ?? 0 }

  /// The lines, beginning with the header. The first column is shortened, to at least eight
  /// characters, so that no line is longer than `width`.
  package func lines(width: Int) -> [String] {
    let columns = rows.map(\.count).max() ?? 0
    var widths = (0..<columns).map { column in
      rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
    }
    let rest = widths.dropFirst().reduce(0) { $0 + $1 + 2 }
    if let first = widths.first { widths[0] = min(first, max(8, width - rest)) }
    return rows.map { row in
      let line = row.enumerated().map { column, cell in
        let text = column == 0 ? ReportText.fitted(cell, to: widths[0]) : cell
        let padding = String(repeating: " ", count: max(0, widths[column] - text.count))
        return column == 0 ? text + padding : padding + text
      }.joined(separator: "  ")
      return String(line.reversed().drop { $0 == " " }.reversed())
    }
  }
}
