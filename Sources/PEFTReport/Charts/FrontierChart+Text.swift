import Foundation

extension FrontierChart {
  /// The chart for a terminal of `width` columns (at least 40), with `height` lines for the
  /// staircase (at least 5), followed by a line for each mark.
  public func lines(width: Int, height: Int) -> [String] {
    guard !isEmpty else { return ["no frontier"] }
    let (x, y) = axes
    let ticks = y.ticks
    let left = (ticks.map(\.text.count).max() ?? 0) + 2
    let columns = max(40, width) - left
    var canvas = Canvas(columns: columns, rows: max(5, height))
    canvas.draw(samples(columns, along: x), on: y)
    for (index, mark) in marks.enumerated() {
      canvas.mark(
        Self.letter(index), column: Int(x.fraction(Double(mark.parameters)) * Double(columns)),
        row: canvas.row(of: mark.value, on: y))
    }
    var labels = Array(repeating: "", count: canvas.cells.count)
    for tick in ticks { labels[canvas.row(of: tick.value, on: y)] = tick.text }
    var lines = zip(labels, canvas.cells).map { label, cells in
      Self.trimmed(
        String(repeating: " ", count: left - 2 - label.count) + label
          + (label.isEmpty ? " │" : " ┤") + String(cells))
    }
    lines += axis(x, left: left, columns: columns)
    lines += legend(width: max(40, width))
    return lines
  }

  private func axis(_ x: LogAxis, left: Int, columns: Int) -> [String] {
    var rule = Array(repeating: Character("─"), count: columns)
    var shares = ""
    var counts = ""
    for tick in x.ticks(ofTotal: Double(total)) {
      let column = min(columns - 1, Int(x.fraction(tick) * Double(columns)))
      rule[column] = "┬"
      let share = String(format: "%.3g %%", 100 * tick / Double(total))
      append(share, at: column, to: &shares, columns: columns)
      append(ReportText.short(tick), at: column, to: &counts, columns: columns)
    }
    let margin = String(repeating: " ", count: left)
    return [
      String(repeating: " ", count: left - 1) + "└" + String(rule), Self.trimmed(margin + shares),
      Self.trimmed(margin + counts),
    ]
  }

  /// Appends `text` below `column` if the existing text leaves room for it.
  private func append(_ text: String, at column: Int, to line: inout String, columns: Int) {
    let start = min(max(0, column - text.count / 2), columns - text.count)
    guard line.isEmpty || start > line.count else { return }
    line += String(repeating: " ", count: max(0, start - line.count)) + text
  }

  private func legend(width: Int) -> [String] {
    guard !marks.isEmpty else { return [] }
    var table = TextTable(header: ["", "parameters", "share", "value"])
    for (index, mark) in marks.enumerated() {
      table.add([
        "\(Self.letter(index)) \(mark.label)", ReportText.grouped(mark.parameters),
        ReportText.percent(Double(mark.parameters), of: Double(total)),
        ReportText.scientific(mark.value),
      ])
    }
    return [""] + table.lines(width: width)
  }

  /// The letter of the mark at `index`: A to Z, a to z, then `#`.
  static func letter(_ index: Int) -> Character {
    let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
    return index < letters.count ? letters[index] : "#"
  }

  private static func trimmed(_ line: String) -> String {
    var line = line
    while line.last == " " { line.removeLast() }
    return line
  }
}

/// A grid of characters, top row first.
private struct Canvas {
  private(set) var cells: [[Character]]
  private var isMarked: [[Bool]]

  init(columns: Int, rows: Int) {
    cells = Array(repeating: Array(repeating: " ", count: columns), count: rows)
    isMarked = Array(repeating: Array(repeating: false, count: columns), count: rows)
  }

  func row(of value: Double, on axis: LinearAxis) -> Int {
    let last = Double(cells.count - 1)
    return Int((last - axis.fraction(value) * last).rounded())
  }

  /// Draws a staircase that rises through `values`, one per column.
  mutating func draw(_ values: [Double?], on axis: LinearAxis) {
    var last: Int?
    for (column, value) in values.enumerated() {
      guard let value else { continue }
      let row = row(of: value, on: axis)
      if let last, row < last {
        cells[last][column] = "┘"
        for between in (row + 1)..<last { cells[between][column] = "│" }
        cells[row][column] = "┌"
      } else {
        cells[row][column] = "─"
      }
      last = row
    }
  }

  /// Puts `letter` at a position, or `*` if there are several marks.
  mutating func mark(_ letter: Character, column: Int, row: Int) {
    let column = min(column, cells[row].count - 1)
    cells[row][column] = isMarked[row][column] ? "*" : letter
    isMarked[row][column] = true
  }
}
