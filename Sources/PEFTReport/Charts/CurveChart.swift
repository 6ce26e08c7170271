import Foundation

/// A chart of quantities that change from step to step, with one line per run.
package struct CurveChart: Sendable {
  /// The line of a run.
  package struct Line: Sendable {
    /// Its name.
    let label: String
    /// Steps, ascending, with their finite values.
    package let points: [(step: Double, value: Double)]
    /// Whether it is the run that the page is about.
    let isOurs: Bool

    /// Creates a line. If there are more points than can be drawn, neighbours are averaged.
    package init(_ label: String, _ points: [(step: Int, value: Double)], isOurs: Bool = false) {
      self.label = label
      self.isOurs = isOurs
      let finite = points.filter {
        abs($0.value) < 1e30 && (0...Self.largestStep).contains($0.step)
      }
      let size = max(1, (finite.count + Self.limit - 1) / Self.limit)
      self.points = stride(from: 0, to: finite.count, by: size).map { start in
        let part = finite[start..<min(finite.count, start + size)]
        return (
          step: part.reduce(0) { $0 + Double($1.step) } / Double(part.count),
          value: part.reduce(0) { $0 + $1.value } / Double(part.count)
        )
      }
    }

    private static let limit = 120
    private static let largestStep = 1_000_000_000_000
  }

  /// The lines in the given order.
  let lines: [Line]
  /// The name of the quantity.
  let valueName: String

  /// Creates a chart.
  package init(lines: [Line], valueName: String) {
    self.lines = lines
    self.valueName = valueName
  }

  /// The chart as an SVG drawing 720 units wide, with a key below it. Empty without points.
  package var svg: String { svg(width: SVGDrawing.wide) }

  /// The drawing `width` units wide.
  package func svg(width: Double) -> String {
    let drawn = lines.filter { !$0.points.isEmpty }
    let values = drawn.flatMap { $0.points.map(\.value) }
    guard let least = values.min(), let most = values.max(),
      let last = drawn.compactMap(\.points.last?.step).max()
    else { return "" }
    let room = (most - least) * 0.05
    let frame = Frame(
      x: LinearAxis(low: 0, high: last), y: LinearAxis(low: least - room, high: most + room),
      width: width, keyItems: drawn.count)
    var drawing = SVGDrawing(
      width: width, height: frame.height,
      label: "\(valueName) of \(drawn.count) runs over \(ReportText.whole(last)) steps")
    draw(frame, in: &drawing)
    for (index, line) in drawn.enumerated() {
      let places = line.points.map { frame.point($0.step, $0.value) }
      let path = places.map { "\(SVGDrawing.number($0.x)),\(SVGDrawing.number($0.y))" }
      let final = line.points.last?.value ?? .nan
      drawing.add(
        "<polyline points=\"\(path.joined(separator: " "))\" fill=\"none\" "
          + "stroke=\"\(Self.colour(index))\" stroke-width=\"\(line.isOurs ? 2.5 : 1.5)\""
          + "\(Self.dash(index))><title>\(HTMLPage.escape(line.label)): "
          + "\(ReportText.metric(final)) at step \(ReportText.whole(line.points.last?.step ?? 0))</title></polyline>"
      )
      if places.count == 1 {
        drawing.dot(
          x: places[0].x, y: places[0].y, radius: 3,
          attributes: "fill=\"\(Self.colour(index))\"")
      }
      drawKey(line, index, isNumbered: drawn.count > 1, frame, in: &drawing)
    }
    if drawn.count > 1 { drawNumbers(of: drawn, frame, in: &drawing) }
    return drawing.markup
  }

  private func draw(_ frame: Frame, in drawing: inout SVGDrawing) {
    for tick in frame.y.ticks {
      let height = frame.point(0, tick.value).y
      drawing.line(from: (frame.left, height), to: (frame.right, height), opacity: 0.15)
      drawing.text(tick.text, x: frame.left - 8, y: height + 4, anchor: .end)
    }
    for tick in frame.x.ticks {
      let place = frame.point(tick.value, frame.y.low).x
      drawing.line(from: (place, Frame.top), to: (place, Frame.bottom), opacity: 0.15)
      drawing.text(tick.text, x: place, y: Frame.bottom + 18, anchor: .middle)
    }
    drawing.line(from: (frame.left, Frame.bottom), to: (frame.right, Frame.bottom), opacity: 0.6)
    drawing.text(valueName, x: 0, y: 14)
    drawing.text("step", x: frame.right, y: Frame.bottom + 34, anchor: .end, opacity: 0.8)
  }

  /// Draws the numbers of the key at the ends of the lines, so that a line can be identified
  /// without its hue.
  private func drawNumbers(of lines: [Line], _ frame: Frame, in drawing: inout SVGDrawing) {
    let ends = lines.enumerated().compactMap { index, line in
      line.points.last.map { (index: index, end: frame.point($0.step, $0.value)) }
    }.sorted { $0.end.y < $1.end.y }
    guard Double(ends.count) * Self.numberStep <= Frame.bottom - Frame.top else { return }
    // First move each number below the one above it, from the top down; then move them up into the
    // frame, from the bottom up.
    var heights = ends.map(\.end.y)
    for place in heights.indices.dropFirst() {
      heights[place] = max(heights[place], heights[place - 1] + Self.numberStep)
    }
    var limit = Frame.bottom
    for place in heights.indices.reversed() {
      heights[place] = min(heights[place], limit)
      limit = heights[place] - Self.numberStep
    }
    for (height, (index, end)) in zip(heights, ends) {
      if abs(height - end.y) > 3 {
        drawing.line(from: (end.x + 1, end.y), to: (end.x + 7, height), opacity: 0.6)
      }
      drawing.text("\(index + 1)", x: end.x + 9, y: height + 4, halo: true, size: 11)
    }
  }

  private func drawKey(
    _ line: Line, _ index: Int, isNumbered: Bool, _ frame: Frame, in drawing: inout SVGDrawing
  ) {
    let column = index % frame.keyColumns
    let x = frame.left + Double(column) * (frame.right - frame.left) / Double(frame.keyColumns)
    let y = frame.keyTop + Double(index / frame.keyColumns) * Frame.keyStep
    drawing.add(
      "<path d=\"M\(SVGDrawing.number(x)),\(SVGDrawing.number(y - 4))h24\" fill=\"none\" "
        + "stroke=\"\(Self.colour(index))\" stroke-width=\"\(line.isOurs ? 2.5 : 1.5)\""
        + "\(Self.dash(index))/>")
    drawing.text(
      (isNumbered ? "\(index + 1) " : "") + ReportText.fitted(line.label, to: 26), x: x + 32, y: y,
      isBold: line.isOurs)
  }

  private struct Frame {
    static let top = 28.0
    static let bottom = 270.0
    static let keyStep = 18.0
    let x: LinearAxis
    let y: LinearAxis
    let width: Double
    let keyItems: Int
    var left: Double { width < SVGDrawing.wide ? 48 : 64 }
    var right: Double { width - 24 }
    var keyColumns: Int { width < SVGDrawing.wide ? 1 : 3 }
    var keyTop: Double { Self.bottom + 56 }
    var height: Double { keyTop + Double((keyItems - 1) / keyColumns) * Self.keyStep + 10 }

    func point(_ step: Double, _ value: Double) -> (x: Double, y: Double) {
      (
        left + x.fraction(step) * (right - left),
        Self.bottom - y.fraction(value) * (Self.bottom - Self.top)
      )
    }
  }

  private static let numberStep = 11.0

  /// The hue of the line at `index`.
  static func colour(_ index: Int) -> String { Palette.lines[index % Palette.lines.count] }

  /// The attribute that dashes the line at `index` if all hues are already used.
  static func dash(_ index: Int) -> String {
    index < Palette.lines.count
      ? "" : " stroke-dasharray=\"\(2 + 3 * (index / Palette.lines.count)) 3\""
  }
}
