import Foundation

/// How groups share their effects: the interaction matrix A, scaled by its diagonal.
///
/// 1 means that two groups move the outputs alike, so that both together give little more than one
/// alone. 0 means that they are independent. Below 0, each makes the other more effective.
package struct InteractionMap: Sendable {
  /// The names of the groups.
  let names: [String]
  /// A_jk / √(A_jj A_kk) [K, K], row-major; 0 for a group that moves no outputs.
  package let correlations: [Double]

  /// The map of at most 12 groups, those at `indices`, from a matrix over `names.count` groups.
  package init(_ matrix: [Double], names: [String], indices: [Int]) {
    let count = names.count
    precondition(
      matrix.count == count * count, "InteractionMap: \(matrix.count) for \(count) groups")
    let indices = Array(indices.prefix(Self.limit))
    self.names = indices.map { names[$0] }
    correlations = indices.flatMap { row in
      indices.map { column in
        let scale = (matrix[row * count + row] * matrix[column * count + column]).squareRoot()
        return scale > 0 ? max(-1, min(1, matrix[row * count + column] / scale)) : 0
      }
    }
  }

  private static let limit = 12

  /// The map as an SVG drawing 720 units wide; every cell has a tooltip. Empty for fewer than two
  /// groups.
  package var svg: String {
    guard names.count > 1 else { return "" }
    let left = 30 + (names.map { SVGDrawing.width(of: ReportText.fitted($0, to: 34)) }.max() ?? 0)
    let side = min(26, (720 - left) / Double(names.count))
    let height = 24 + side * Double(names.count) + 36
    var drawing = SVGDrawing(
      width: 720, height: height, label: "Interaction of \(names.count) groups with each other")
    for (row, name) in names.enumerated() {
      let top = 24 + Double(row) * side
      drawing.text(
        ReportText.fitted(name, to: 34), x: 24, y: top + side / 2 + 4, size: min(12, side))
      drawing.text("\(row + 1)", x: 0, y: top + side / 2 + 4, opacity: 0.7, size: min(11, side))
      if side >= 18 || row == 0 || (row + 1).isMultiple(of: 5) {
        drawing.text(
          "\(row + 1)", x: left + (Double(row) + 0.5) * side, y: 16, anchor: .middle, opacity: 0.7,
          size: 11)
      }
      for column in names.indices {
        let value = correlations[row * names.count + column]
        draw(
          value, x: left + Double(column) * side, y: top, side: side - 1,
          title: "\(name) and \(names[column]): \(String(format: "%.2f", value))", in: &drawing)
      }
    }
    drawLegend(at: height - 22, in: &drawing)
    return drawing.markup
  }

  /// Draws a cell. The cell of a negative value is smaller, so that it can be recognised without
  /// its hue.
  private func draw(
    _ value: Double, x: Double, y: Double, side: Double, title: String? = nil,
    in drawing: inout SVGDrawing
  ) {
    let inset = value < 0 ? side * 0.2 : 0
    drawing.rectangle(
      x: x + inset, y: y + inset, width: side - 2 * inset, height: side - 2 * inset,
      attributes: "fill=\"\(value < 0 ? Palette.negative : Palette.accent)\" fill-opacity=\""
        + "\(SVGDrawing.number(max(0.04, abs(value))))\"", title: title)
  }

  private func drawLegend(at top: Double, in drawing: inout SVGDrawing) {
    drawing.text("-1", x: 0, y: top + 12)
    for step in 0..<9 {
      draw(Double(step - 4) / 4, x: 24 + Double(step) * 16, y: top, side: 15, in: &drawing)
    }
    drawing.text("1", x: 176, y: top + 12)
  }
}
