import Foundation

extension ScoreChart {
  /// The comparison as an SVG drawing 720 units wide. Methods without scores or without parameters
  /// are only in the table. Empty if no method is left.
  public var svg: String { svg(width: SVGDrawing.wide) }

  /// The drawing `width` units wide.
  package func svg(width: Double) -> String {
    let drawn = rows.filter { $0.mean != nil && $0.parameters > 0 }
    let ends = drawn.flatMap { row in
      row.scores + [-1, 1].map { (row.mean ?? 0) + $0 * (row.deviation ?? 0) }
    }
    guard let least = ends.min(), let most = ends.max() else { return "" }
    let lines = self.lines(from: least, to: most)
    let (low, high) = ([least] + lines.map(\.score), [most] + lines.map(\.score))
    let (bottom, top) = (low.min() ?? least, high.max() ?? most)
    let room = max((top - bottom) * 0.08, (leastSpan - (top - bottom)) / 2)
    let area = PlotArea(
      x: LogAxis(drawn.map { Double($0.parameters) }),
      y: LinearAxis(low: factor * (bottom - room), high: factor * (top + room)),
      total: Double(total), width: width, unit: scale?.isShare == true ? " %" : "")
    var drawing = area.drawing(
      label: "\(scoreName) of \(drawn.count) methods by the parameters they train",
      valueName: scoreName + (hasSpread ? ": seeds, mean ± standard deviation" : ""))
    for line in lines { draw(line, in: area, to: &drawing) }
    var labels: [(text: String, x: Double, y: Double, isBold: Bool)] = []
    var seeds: [(x: Double, y: Double)] = []
    for row in drawn {
      guard let mean = row.mean else { continue }
      let place = place(row, mean, in: area)
      labels.append((row.label, place.x, place.y, row.isOurs))
      for score in row.scores { seeds.append(self.place(row, score, in: area)) }
      drawSpread(of: row, mean: mean, in: area, to: &drawing)
    }
    area.label(
      labels.filter(\.isBold) + labels.filter { !$0.isBold }, avoiding: seeds, in: &drawing)
    // The highlighted dot is above the others.
    for row in drawn.filter({ !$0.isOurs }) + drawn.filter(\.isOurs) {
      drawDots(of: row, in: area, to: &drawing)
    }
    return drawing.markup
  }

  /// The least span of the axis of scores, so that small differences look small.
  private var leastSpan: Double { scale?.isShare == true ? 0.06 : 0 }

  /// Values are drawn in per cent where they are written so.
  private var factor: Double { scale?.isShare == true ? 100 : 1 }

  private var hasSpread: Bool { rows.contains { $0.deviation != nil } }

  private func place(_ row: Row, _ score: Double, in area: PlotArea) -> (x: Double, y: Double) {
    area.point(Double(row.parameters), factor * score)
  }

  private typealias Line = (name: String, score: Double)

  /// The goal, and the baseline if that leaves at least a quarter of the height to the methods.
  private func lines(from least: Double, to most: Double) -> [Line] {
    var lines: [Line] = []
    if let goal { lines.append(goal) }
    if let baseline, baseline.isFinite {
      let span = max(most, baseline) - min(least, baseline)
      if span > 0, (most - least) / span > 0.25 {
        lines.append(("baseline", baseline))
      }
    }
    return lines
  }

  /// Draws a dashed line at a score, with its name above its left end.
  private func draw(_ line: Line, in area: PlotArea, to drawing: inout SVGDrawing) {
    let height = area.point(area.x.low, factor * line.score).y
    drawing.add(
      "<path d=\"M\(SVGDrawing.number(area.box.left)),\(SVGDrawing.number(height))"
        + "H\(SVGDrawing.number(area.box.right))\" stroke=\"currentColor\" opacity=\"0.6\" "
        + "stroke-dasharray=\"4 4\"/>")
    drawing.text(
      "\(line.name): \(scale?.text(line.score) ?? ReportText.metric(line.score))",
      x: area.box.left + 6, y: height - 5, opacity: 0.8, halo: true)
  }

  private func colour(_ row: Row) -> String { row.isOurs ? SVGDrawing.accent : "currentColor" }

  private func drawSpread(
    of row: Row, mean: Double, in area: PlotArea, to drawing: inout SVGDrawing
  ) {
    guard let deviation = row.deviation else { return }
    let low = place(row, mean - deviation, in: area)
    let high = place(row, mean + deviation, in: area)
    drawing.line(from: low, to: high, width: 1.5, colour: colour(row))
    for end in [low, high] {
      drawing.line(
        from: (end.x - 4, end.y), to: (end.x + 4, end.y), width: 1.5,
        colour: colour(row))
    }
  }

  private func drawDots(of row: Row, in area: PlotArea, to drawing: inout SVGDrawing) {
    guard let mean = row.mean else { return }
    for score in row.scores where row.scores.count > 1 {
      let place = place(row, score, in: area)
      drawing.dot(
        x: place.x, y: place.y, radius: 2.5,
        attributes: "fill=\"none\" stroke=\"\(colour(row))\"")
    }
    let place = place(row, mean, in: area)
    let spread = row.deviation.map { String(format: " ± %.4f", $0) } ?? ""
    drawing.dot(
      x: place.x, y: place.y, radius: row.isOurs ? 6.5 : 4.5,
      attributes: "fill=\"\(colour(row))\"",
      title:
        "\(row.label): \(String(format: "%.4f", mean))\(spread) over \(row.scores.count) seeds, "
        + "\(ReportText.grouped(row.parameters)) parameters")
  }
}
