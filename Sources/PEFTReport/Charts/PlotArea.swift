import Foundation

/// A drawing with a logarithmic axis of parameters at the bottom and an axis of values on the left.
struct PlotArea {
  /// The height for a wide page, and for a phone.
  static let heights = (wide: 360.0, narrow: 300.0)

  let x: LogAxis
  let y: LinearAxis
  /// The number of all parameters of the model, the base of fractions.
  let total: Double
  /// The width of the drawing.
  var width = SVGDrawing.wide
  /// What follows the number of a tick on the axis of values.
  var unit = ""

  private var height: Double {
    width < SVGDrawing.wide ? Self.heights.narrow : Self.heights.wide
  }

  /// The box that contains the data.
  var box: LabelPlacement.Box {
    LabelPlacement.Box(
      left: width < SVGDrawing.wide ? 48 : 64, top: 28, right: width - 12, bottom: height - 58)
  }

  /// The position at which a point is drawn.
  func point(_ parameters: Double, _ value: Double) -> (x: Double, y: Double) {
    (
      box.left + x.fraction(parameters) * (box.right - box.left),
      box.bottom - y.fraction(value) * (box.bottom - box.top)
    )
  }

  /// A drawing with the axes, their grid and their names.
  func drawing(label: String, valueName: String) -> SVGDrawing {
    var drawing = SVGDrawing(width: width, height: height, label: label)
    for tick in y.ticks {
      let height = point(x.low, tick.value).y
      drawing.line(from: (box.left, height), to: (box.right, height), opacity: 0.15)
      drawing.text(tick.text + unit, x: box.left - 8, y: height + 4, anchor: .end)
    }
    var end = -Double.infinity
    for tick in x.ticks(ofTotal: total) {
      let place = point(tick, y.low).x
      drawing.line(from: (place, box.top), to: (place, box.bottom), opacity: 0.15)
      let text = String(format: "%.3g %%", 100 * tick / total)
      let half = SVGDrawing.width(of: text) / 2
      guard place - half > end else { continue }
      end = place + half + 6
      drawing.text(text, x: place, y: box.bottom + 18, anchor: .middle)
      drawing.text(
        ReportText.short(tick), x: place, y: box.bottom + 33, anchor: .middle, opacity: 0.7,
        size: 11)
    }
    drawing.line(from: (box.left, box.bottom), to: (box.right, box.bottom), opacity: 0.6)
    drawing.text(valueName, x: 0, y: 14)
    drawing.text(
      "share of the parameters, and their number", x: box.right, y: height - 8,
      anchor: .end, opacity: 0.8)
    return drawing
  }

  /// Adds a label beside each dot while there is room, in the given order, and lines that connect
  /// distant labels with their dots.
  func label(
    _ dots: [(text: String, x: Double, y: Double, isBold: Bool)],
    avoiding others: [(x: Double, y: Double)] = [], line: [(x: Double, y: Double)] = [],
    in drawing: inout SVGDrawing
  ) {
    var placement = LabelPlacement(
      area: box, dots: dots.map { ($0.x, $0.y) } + others, line: line)
    for dot in dots {
      let text = ReportText.fitted(dot.text, to: 28)
      let width = SVGDrawing.width(of: text, isBold: dot.isBold)
      guard let place = placement.place(width: width, height: 15, at: (dot.x, dot.y)) else {
        continue
      }
      let end = (x: min(max(dot.x, place.left), place.right), y: (place.top + place.bottom) / 2)
      if abs(end.y - dot.y) > 14 || abs(end.x - dot.x) > 14 {
        let edge = abs(end.x - dot.x) > 5 ? end.y : end.y > dot.y ? place.top + 2 : place.bottom
        drawing.line(from: (dot.x, dot.y), to: (end.x, edge), opacity: 0.6)
      }
      drawing.text(
        text, x: place.left, y: place.bottom - 3.5, isBold: dot.isBold, halo: true)
    }
  }
}
