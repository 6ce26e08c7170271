import Foundation

extension ScoreChart {
  /// The comparison as an SVG drawing of 720 × 380 units. Methods without scores or without
  /// parameters are only in the table. Empty if no method is left.
  public var svg: String {
    let drawn = rows.filter { $0.mean != nil && $0.parameters > 0 }
    let ends = drawn.flatMap { row in
      row.scores + [-1, 1].map { (row.mean ?? 0) + $0 * (row.deviation ?? 0) }
    }
    guard let least = ends.min(), let most = ends.max() else { return "" }
    let room = (most - least) * 0.08
    let area = PlotArea(
      x: LogAxis(drawn.map { Double($0.parameters) }),
      y: LinearAxis(low: least - room, high: most + room), total: Double(total))
    var drawing = area.drawing(
      label: "\(scoreName) of \(drawn.count) methods by the parameters they train",
      valueName: "\(scoreName): each seed, mean, one standard deviation")
    var labels: [(text: String, x: Double, y: Double, isBold: Bool)] = []
    var seeds: [(x: Double, y: Double)] = []
    for row in drawn {
      guard let mean = row.mean else { continue }
      let place = area.point(Double(row.parameters), mean)
      labels.append((row.label, place.x, place.y, row.isOurs))
      for score in row.scores { seeds.append(area.point(Double(row.parameters), score)) }
      drawSpread(of: row, mean: mean, in: area, to: &drawing)
    }
    area.label(
      labels.filter(\.isBold) + labels.filter { !$0.isBold }, avoiding: seeds, in: &drawing)
    for row in drawn { drawDots(of: row, in: area, to: &drawing) }
    return drawing.markup
  }

  private func colour(_ row: Row) -> String { row.isOurs ? SVGDrawing.accent : "currentColor" }

  private func drawSpread(
    of row: Row, mean: Double, in area: PlotArea, to drawing: inout SVGDrawing
  ) {
    guard let deviation = row.deviation else { return }
    let low = area.point(Double(row.parameters), mean - deviation)
    let high = area.point(Double(row.parameters), mean + deviation)
    drawing.line(from: low, to: high, width: 1.5, colour: colour(row))
    for end in [low, high] {
      drawing.line(
        from: (end.x - 4, end.y), to: (end.x + 4, end.y), width: 1.5,
        colour: colour(row))
    }
  }

  private func drawDots(of row: Row, in area: PlotArea, to drawing: inout SVGDrawing) {
    guard let mean = row.mean else { return }
    for score in row.scores {
      let place = area.point(Double(row.parameters), score)
      drawing.dot(
        x: place.x, y: place.y, radius: 2.5,
        attributes: "fill=\"none\" stroke=\"\(colour(row))\"")
    }
    let place = area.point(Double(row.parameters), mean)
    let spread = row.deviation.map { String(format: " ± %.4f", $0) } ?? ""
    drawing.dot(
      x: place.x, y: place.y, radius: row.isOurs ? 6 : 4.5, attributes: "fill=\"\(colour(row))\"",
      title:
        "\(row.label): \(String(format: "%.4f", mean))\(spread) over \(row.scores.count) seeds, "
        + "\(ReportText.grouped(row.parameters)) parameters")
  }
}
