import Foundation

/// The learning rates that were tried for each method, on one logarithmic axis: a ring for each, a
/// dot for the one that was chosen, a cross for one with which training diverged.
package struct RateStrip: Sendable {
  /// The rates of a method.
  package struct Row: Sendable {
    let label: String
    let tried: [(rate: Double, loss: Double?)]
    let chosen: Double
    let isOurs: Bool

    /// The rates `tried` for the method called `label`, each with the loss by which it was judged,
    /// nil if training diverged; `chosen` is one of them, or the only one.
    package init(
      _ label: String, tried: [(rate: Double, loss: Double?)], chosen: Double, isOurs: Bool
    ) {
      (self.label, self.tried, self.chosen, self.isOurs) = (label, tried, chosen, isOurs)
    }
  }

  private let rows: [Row]

  /// The strip of methods, in order.
  package init(_ rows: [Row]) {
    self.rows = rows.filter { $0.chosen > 0 && $0.chosen.isFinite }
  }

  private static let step = 26.0
  private static let top = 8.0

  /// The strip as an SVG drawing `width` units wide. Empty if no rates were tried.
  package func svg(width: Double) -> String {
    let all = rows.flatMap { row in row.tried.map(\.rate) + [row.chosen] }.filter { $0 > 0 }
    guard !all.isEmpty, rows.contains(where: { $0.tried.count > 1 }) else { return "" }
    let axis = LogAxis(all)
    let names = rows.map { ReportText.fitted($0.label, to: 22) }
    let left =
      16
      + (zip(names, rows).map { SVGDrawing.width(of: $0, isBold: $1.isOurs) }.max() ?? 0)
    let right = width - 16
    let bottom = Self.top + Self.step * Double(rows.count)
    var drawing = SVGDrawing(
      width: width, height: bottom + 42,
      label: "Learning rates that were tried for \(rows.count) methods")
    func x(_ rate: Double) -> Double { left + axis.fraction(rate) * (right - left) }
    var end = -Double.infinity
    for exponent in -12...3 {
      for digit in [1.0, 3.0] {
        let rate = digit * pow(10, Double(exponent))
        guard rate >= axis.low, rate <= axis.high else { continue }
        drawing.line(from: (x(rate), Self.top), to: (x(rate), bottom), opacity: 0.15)
        let text = String(format: "%g", rate)
        let half = SVGDrawing.width(of: text) / 2
        guard x(rate) - half > end else { continue }
        drawing.text(text, x: x(rate), y: bottom + 16, anchor: .middle)
        end = x(rate) + half + 6
      }
    }
    for (index, row) in rows.enumerated() {
      let y = Self.top + Self.step * (Double(index) + 0.5)
      drawing.text(names[index], x: 0, y: y + 4, isBold: row.isOurs)
      let rates = row.tried.map(\.rate) + [row.chosen]
      if let low = rates.min(), let high = rates.max(), high > low {
        drawing.line(from: (x(low), y), to: (x(high), y), opacity: 0.6)
      }
      draw(row, at: y, x: x, in: &drawing)
    }
    drawing.text("learning rate", x: right, y: bottom + 34, anchor: .end, opacity: 0.8)
    return drawing.markup
  }

  private func draw(_ row: Row, at y: Double, x: (Double) -> Double, in drawing: inout SVGDrawing) {
    let colour = row.isOurs ? SVGDrawing.accent : "currentColor"
    for (rate, loss) in row.tried where rate != row.chosen {
      let place = x(rate)
      if loss == nil {
        for side in [-4.0, 4.0] {
          drawing.line(
            from: (place - 4, y - side), to: (place + 4, y + side), width: 1.5, colour: colour)
        }
      } else {
        drawing.dot(
          x: place, y: y, radius: 4,
          attributes: "style=\"fill:var(--page,Canvas)\" stroke=\"\(colour)\" stroke-width=\"1.5\"",
          title: title(row, rate, loss))
      }
    }
    drawing.dot(
      x: x(row.chosen), y: y, radius: 5.5, attributes: "fill=\"\(colour)\"",
      title: title(row, row.chosen, row.tried.first { $0.rate == row.chosen }?.loss) + ", chosen")
  }

  private func title(_ row: Row, _ rate: Double, _ loss: Double?) -> String {
    "\(row.label), rate \(String(format: "%g", rate))"
      + (loss.map { ": loss \(ReportText.metric($0))" } ?? "")
  }

  /// The rows as a table: method, chosen rate, rates that were tried.
  package var table: (header: [String], rows: [[String]]) {
    (
      ["method", "chosen rate", "tried, each with its loss"],
      rows.map { row in
        [
          row.label, String(format: "%g", row.chosen),
          row.tried.isEmpty
            ? "–"
            : row.tried.map { rate, loss in
              String(format: "%g", rate) + ": " + (loss.map { ReportText.metric($0) } ?? "diverged")
            }.joined(separator: ", "),
        ]
      }
    )
  }
}
