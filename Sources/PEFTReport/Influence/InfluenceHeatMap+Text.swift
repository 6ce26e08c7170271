import Foundation
import PEFTTensor

extension InfluenceHeatMap {
  static let shades = ["░", "▒", "▓", "█"]
  /// Shades of one hue among a terminal's 256 colours, from pale to deep; the last is as far from
  /// black as from white.
  static let colours = [255, 189, 153, 111, 69, 27]
  static let uncertainMark = "·"

  /// The map for a terminal `width` columns wide (at least 40), drawn with shade blocks, or with
  /// backgrounds in 256 colours if `colour` is true.
  ///
  /// If columns are wide enough, `*` after a cell means that all its groups are selected, and `+`
  /// that some are.
  public func lines(width: Int, colour: Bool) -> [String] {
    let width = max(40, width)
    guard !totals.isEmpty else { return ["no groups"] }
    var lines: [String] = []
    if !rows.isEmpty {
      lines += matrix(Array(rows.indices), width: width, colour: colour) + [""]
    }
    lines += legend(width: width, colour: colour)
    if !outside.isEmpty {
      lines += ["", "outside the layers"] + list(width: width, colour: colour)
    }
    return lines + [""] + kindTotals(width: width)
  }

  /// The map in at most `height` lines, at least 4: the rows with selected groups first, and a
  /// legend of one line. Empty without layers.
  public func lines(width: Int, height: Int, colour: Bool) -> [String] {
    let width = max(40, width)
    guard !rows.isEmpty else { return [] }
    let chosen = rows.indices.filter { row in cells[row].contains { ($0?.chosenCount ?? 0) > 0 } }
    let others = rows.indices.filter { !chosen.contains($0) }
      .sorted { (strongest(in: $1), $0) < (strongest(in: $0), $1) }
    // A line each for the layers' numbers, the rows that are left out, and the legend.
    let all = rows.count <= height - 2
    let shown = all ? Array(rows.indices) : (chosen + others).prefix(max(1, height - 3)).sorted()
    let missed = chosen.count { !shown.contains($0) }
    let rest =
      all
      ? []
      : [
        "… and \(rows.count - shown.count) more kinds, \(missed == 0 ? "none" : "\(missed)") of them "
          + "chosen, in the report"
      ]
    let shades = (colour ? "deeper" : "darker") + ": more per parameter"
    return matrix(shown, width: width, colour: colour) + rest + [
      ReportText.fitted(
        shades + "   \(Self.uncertainMark) not above noise   * chosen   + partly chosen", to: width)
    ]
  }

  /// The largest certain influence per parameter in a row; 0 without one.
  private func strongest(in row: Int) -> Double {
    cells[row].compactMap { $0 }.filter(\.isCertain).map(\.perParameter).max() ?? 0
  }

  private var hasChosen: Bool { totals.contains { $0.chosenCount > 0 } }

  private func matrix(_ shown: [Int], width: Int, colour: Bool) -> [String] {
    let label = min(24, rows.map(\.count).max() ?? 0)
    let room = width - label - 2
    let cell = min(3, max(1, room / max(1, layerCount)))
    let perBlock = max(1, room / cell)
    var lines: [String] = []
    for start in stride(from: 0, to: layerCount, by: perBlock) {
      let layers = start..<min(layerCount, start + perBlock)
      if start > 0 { lines.append("") }
      lines.append(
        "layer".padding(toLength: label + 2, withPad: " ", startingAt: 0)
          + header(layers, cell: cell))
      for row in shown {
        let text = ReportText.fitted(VisibleText.line(rows[row]), to: label)
        let padding = String(repeating: " ", count: label + 2 - text.count)
        lines.append(
          text + padding
            + layers.map { glyph(cells[row][$0], width: cell, colour: colour) }.joined())
      }
    }
    return lines.map { line in
      var line = line
      while line.last == " " { line.removeLast() }
      return line
    }
  }

  /// The layer numbers that fit, each above the start of its column.
  private func header(_ layers: Range<Int>, cell: Int) -> String {
    var text = ""
    for layer in layers {
      let column = (layer - layers.lowerBound) * cell
      let number = String(layer)
      guard text.isEmpty || text.count < column, column + number.count <= layers.count * cell
      else { continue }
      text += String(repeating: " ", count: column - text.count) + number
    }
    return text
  }

  private func glyph(_ cell: Cell?, width: Int, colour: Bool) -> String {
    guard let cell else { return String(repeating: " ", count: width) }
    let size = min(2, max(1, width - 1))
    let block = shaded(cell, size: size, colour: colour)
    guard size < width else { return block }
    let mark =
      cell.chosenCount == 0 ? " " : cell.chosenCount == cell.groupCount ? "*" : "+"
    return block + mark
  }

  private func shaded(_ cell: Cell, size: Int, colour: Bool) -> String {
    guard cell.isCertain else {
      return Self.uncertainMark + String(repeating: " ", count: size - 1)
    }
    if !colour {
      let shade = Self.shades[shade(of: cell.perParameter, count: Self.shades.count)]
      return String(repeating: shade, count: size)
    }
    return swatch(shade(of: cell.perParameter, count: Self.colours.count), size: size)
  }

  private func swatch(_ shade: Int, size: Int) -> String {
    "\u{1B}[48;5;\(Self.colours[shade])m" + String(repeating: " ", count: size) + "\u{1B}[0m"
  }

  private func legend(width: Int, colour: Bool) -> [String] {
    var lines: [String] = []
    if let scale {
      let (low, high) = (scale.lowerBound, scale.upperBound)
      lines.append("influence per parameter, equal ratios between shades:")
      if colour {
        lines.append(
          "  \(Self.rounded(low)) " + Self.colours.indices.map { swatch($0, size: 2) }.joined()
            + " \(Self.rounded(high))")
      } else {
        let starts = Self.shades.indices.map { shade in
          low * pow(high / low, Double(shade) / Double(Self.shades.count))
        }
        lines.append(
          "  "
            + zip(Self.shades, starts).map { "\($0) \(Self.rounded($1))" }.joined(separator: "  ")
            + "  to \(Self.rounded(high))")
      }
    }
    lines.append("  \(Self.uncertainMark) not above noise: uncertain, flat or rising")
    if hasChosen { lines.append("  * chosen   + partly chosen") }
    return lines.map { $0.count > width && !colour ? ReportText.fitted($0, to: width) : $0 }
  }

  static func rounded(_ value: Double) -> String { String(format: "%.1e", value) }

  private func list(width: Int, colour: Bool) -> [String] {
    let limit = 24
    let shown = outside.count > limit ? mostInfluential(limit) : outside
    var table = TextTable(header: ["", "parameters", "per parameter", "verdict"])
    for cell in shown {
      table.add([
        cell.name, ReportText.grouped(cell.parameterCount),
        ReportText.scientific(cell.perParameter),
        cell.isFixed ? "always trains" : cell.verdict.rawValue,
      ])
    }
    var lines = zip([nil] + shown, table.lines(width: width - 4)).map { cell, line in
      (cell.map { glyph($0, width: 3, colour: colour) } ?? "   ") + " " + line
    }
    if outside.count > limit { lines.append("    … and \(outside.count - limit) with less") }
    return lines
  }

  /// The `count` groups outside the layers with the largest influence per parameter, in their
  /// original order.
  func mostInfluential(_ count: Int) -> [Cell] {
    let kept = outside.indices.sorted { outside[$0].perParameter > outside[$1].perParameter }
      .prefix(count)
    return kept.sorted().map { outside[$0] }
  }

  private func kindTotals(width: Int) -> [String] {
    var table = TextTable(header: ["kind", "groups", "parameters", "value", "per parameter"])
    for cell in totals {
      table.add([
        cell.name, ReportText.grouped(cell.groupCount), ReportText.grouped(cell.parameterCount),
        ReportText.measured(cell.value, error: cell.valueError),
        cell.isCertain ? ReportText.scientific(cell.perParameter) : Self.uncertainMark,
      ])
    }
    return table.lines(width: width)
  }
}
