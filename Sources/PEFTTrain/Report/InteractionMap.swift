import Foundation

/// How groups share what they would bring: the interaction matrix A, scaled by its diagonal.
///
/// 1 says that two groups move the outputs alike, so that both bring little more than one; 0 that they have
/// nothing to do with each other; below 0 that each makes room for the other.
package struct InteractionMap: Sendable {
  /// The names of the groups.
  let names: [String]
  /// A_jk / √(A_jj A_kk) [K, K], row-major; 0 where a group moves nothing.
  package let correlations: [Double]

  /// The map of the groups at `indices`, at most 40 of them, of a matrix over `names.count` groups.
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

  private static let limit = 40

  /// The map as a drawing 720 units wide; every cell has a tooltip. Empty for fewer than two groups.
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
      drawing.text(
        "\(row + 1)", x: left + (Double(row) + 0.5) * side, y: 16, anchor: .middle, opacity: 0.7,
        size: min(11, side * 0.7))
      for column in names.indices {
        let value = correlations[row * names.count + column]
        drawing.rectangle(
          x: left + Double(column) * side, y: top, width: side - 1, height: side - 1,
          attributes: "fill=\"\(value < 0 ? Self.negative : SVGDrawing.accent)\" fill-opacity=\""
            + "\(SVGDrawing.number(0.04 + 0.96 * abs(value)))\"",
          title: "\(name) and \(names[column]): \(String(format: "%.2f", value))")
      }
    }
    drawLegend(at: height - 22, in: &drawing)
    return drawing.markup
  }

  private static let negative = "#d97706"

  private func drawLegend(at top: Double, in drawing: inout SVGDrawing) {
    drawing.text("-1", x: 0, y: top + 12)
    for step in 0..<9 {
      let value = Double(step - 4) / 4
      drawing.rectangle(
        x: 24 + Double(step) * 16, y: top, width: 16, height: 14,
        attributes: "fill=\"\(value < 0 ? Self.negative : SVGDrawing.accent)\" fill-opacity=\""
          + "\(SVGDrawing.number(0.04 + 0.96 * abs(value)))\"")
    }
    drawing.text("1", x: 176, y: top + 12)
  }
}
