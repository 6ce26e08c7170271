import Foundation

extension FrontierChart {
  /// The chart as an SVG drawing 720 units wide: the staircase, and the marks with labels that
  /// overlap neither each other nor a dot. At most two corners per unit are drawn. Empty without
  /// points and marks.
  public var svg: String { svg(width: SVGDrawing.wide) }

  /// The drawing `width` units wide.
  package func svg(width: Double) -> String {
    guard !isEmpty else { return "" }
    let (x, y) = axes
    let area = PlotArea(x: x, y: y, total: Double(total), width: width)
    var drawing = area.drawing(
      label: "Best predicted value for each number of parameters, \(marks.count) marks",
      valueName: "predicted fall of the loss")
    let line = corners(in: area)
    if let first = line.first {
      let path = line.dropFirst().map {
        "L\(SVGDrawing.number($0.x)),\(SVGDrawing.number($0.y))"
      }
      drawing.add(
        "<path d=\"M\(SVGDrawing.number(first.x)),\(SVGDrawing.number(first.y))\(path.joined())\" "
          + "fill=\"none\" stroke=\"\(SVGDrawing.accent)\" stroke-width=\"2\"/>")
    }
    let dots = marks.map { mark in
      let place = area.point(Double(mark.parameters), mark.value)
      return (text: mark.label, x: place.x, y: place.y, isBold: false)
    }
    area.label(dots, line: line, in: &drawing)
    for (mark, dot) in zip(marks, dots) {
      drawing.dot(
        x: dot.x, y: dot.y, radius: 4.5,
        attributes: "style=\"fill:var(--page,Canvas)\" stroke=\"currentColor\" stroke-width=\"2\"",
        title: "\(mark.label): \(ReportText.grouped(mark.parameters)) parameters ("
          + "\(ReportText.percent(Double(mark.parameters), of: Double(total)))), "
          + ReportText.scientific(mark.value))
    }
    return drawing.markup
  }

  /// The corners of the staircase as drawn, ending at the right edge.
  private func corners(in area: PlotArea) -> [(x: Double, y: Double)] {
    var line: [(x: Double, y: Double)] = []
    for point in points {
      let place = area.point(Double(point.parameters), point.value)
      if let last = line.last {
        if line.count > 1, place.x - last.x < 0.5, line[line.count - 2].x == last.x {
          line[line.count - 1].y = place.y
          continue
        }
        line.append((place.x, last.y))
      }
      line.append(place)
    }
    if let last = line.last { line.append((area.box.right, last.y)) }
    return line
  }
}
