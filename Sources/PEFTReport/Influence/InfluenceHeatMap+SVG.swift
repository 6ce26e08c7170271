import Foundation

extension InfluenceHeatMap {
  /// The map as an SVG drawing 720 units wide; every cell has a tooltip with its numbers. More
  /// influence is darker on light pages and brighter on dark pages. Empty without groups.
  public var svg: String {
    guard !totals.isEmpty else { return "" }
    let listed = outside.count > 40 ? mostInfluential(40) : outside
    let layout = Layout(self, listed: listed.count)
    var drawing = SVGDrawing(
      width: Layout.width, height: layout.height,
      label: "Influence per parameter of \(rows.count) kinds of groups in \(layerCount) layers")
    if !rows.isEmpty { drawMatrix(layout, in: &drawing) }
    drawLegend(at: layout.legendTop, in: &drawing)
    if !listed.isEmpty { drawListHeader(at: layout.listTop - 8, in: &drawing) }
    for (position, cell) in listed.enumerated() {
      draw(cell, listedAt: layout.listTop + Double(position) * Layout.listStep, in: &drawing)
    }
    if listed.count < outside.count {
      drawing.text(
        "… and \(outside.count - listed.count) groups with less influence per parameter",
        x: 0, y: layout.height - 8, opacity: 0.7)
    }
    return drawing.markup
  }

  private struct Layout {
    static let width = 720.0
    static let listStep = 20.0
    /// The smallest width at which a cell can still be seen and pointed at.
    static let leastCell = 12.0
    let left: Double
    let cell: (width: Double, height: Double)
    /// The number of layers side by side; further layers are in blocks below.
    let layersAcross: Int
    let blockHeight: Double
    let legendTop: Double
    let listTop: Double
    let height: Double

    init(_ map: InfluenceHeatMap, listed: Int) {
      left = 12 + (map.rows.map { SVGDrawing.width(of: $0) }.max() ?? 0)
      let room = Self.width - left
      let most = max(8, Int(room / Self.leastCell))
      let blocks = max(1, (map.layerCount + most - 1) / most)
      layersAcross = max(1, (map.layerCount + blocks - 1) / blocks)
      cell = (min(48, room / Double(layersAcross)), 26)
      blockHeight = 24 + cell.height * Double(map.rows.count) + 12
      legendTop = map.rows.isEmpty ? 0 : blockHeight * Double(blocks)
      listTop = legendTop + (listed > 0 ? 76 : 44)
      height =
        listTop + Double(listed) * Self.listStep + (listed < map.outside.count ? 24 : 0)
    }
  }

  private func drawMatrix(_ layout: Layout, in drawing: inout SVGDrawing) {
    for (block, start) in stride(from: 0, to: layerCount, by: layout.layersAcross).enumerated() {
      drawBlock(
        start..<min(layerCount, start + layout.layersAcross),
        at: Double(block) * layout.blockHeight, layout, in: &drawing)
    }
  }

  /// Draws the cells of neighbouring layers with the names of the rows.
  private func drawBlock(
    _ layers: Range<Int>, at blockTop: Double, _ layout: Layout, in drawing: inout SVGDrawing
  ) {
    func left(_ layer: Int) -> Double {
      layout.left + Double(layer - layers.lowerBound) * layout.cell.width
    }
    drawing.text("layer", x: 0, y: blockTop + 14, opacity: 0.7)
    let step = max(1, Int((22 / layout.cell.width).rounded(.up)))
    for layer in stride(from: layers.lowerBound, to: layers.upperBound, by: step) {
      drawing.text(
        "\(layer)", x: left(layer) + layout.cell.width / 2, y: blockTop + 14, anchor: .middle,
        opacity: 0.7)
    }
    for (row, name) in rows.enumerated() {
      let top = blockTop + 24 + Double(row) * layout.cell.height
      drawing.text(name, x: 0, y: top + layout.cell.height / 2 + 4)
      for layer in layers {
        guard let cell = cells[row][layer] else { continue }
        draw(
          cell, x: left(layer), y: top, width: layout.cell.width, height: layout.cell.height,
          in: &drawing)
      }
    }
  }

  private func draw(
    _ cell: Cell, x: Double, y: Double, width: Double, height: Double,
    in drawing: inout SVGDrawing
  ) {
    let gap = min(1.5, width / 8)
    // The outline shows the cell even if it is very pale.
    let outline =
      cell.chosenCount == 0
      ? cell.isCertain ? " stroke=\"\(Palette.accent)\" stroke-width=\"0.75\"" : ""
      : " stroke=\"currentColor\" stroke-width=\"2\""
        + (cell.chosenCount < cell.groupCount ? " stroke-dasharray=\"3 2\"" : "")
    let fill =
      cell.isCertain
      ? "fill=\"\(SVGDrawing.accent)\" fill-opacity=\"\(opacity(cell.perParameter))\""
      : "fill=\"currentColor\" fill-opacity=\"0.04\""
    if !cell.isCertain {
      drawing.text(
        Self.uncertainMark, x: x + width / 2, y: y + height / 2 + 4, anchor: .middle, isBold: true,
        opacity: 0.8)
    }
    drawing.rectangle(
      x: x + gap, y: y + gap, width: width - 2 * gap, height: height - 2 * gap,
      attributes: "rx=\"2\" \(fill)\(outline)", title: cell.summary)
  }

  /// The opacity of a cell's hue, from faint to full.
  private func opacity(_ perParameter: Double) -> String {
    SVGDrawing.number(Palette.opacity(at: intensity(of: perParameter)))
  }

  private func drawLegend(at top: Double, in drawing: inout SVGDrawing) {
    var x = 0.0
    if let scale {
      drawing.text("influence per parameter", x: 0, y: top + 14)
      x = 150
      let low = Self.rounded(scale.lowerBound)
      drawing.text(low, x: x, y: top + 14)
      x += SVGDrawing.width(of: low) + 8
      for step in 0..<12 {
        drawing.rectangle(
          x: x + Double(step) * 14, y: top + 3, width: 14, height: 14,
          attributes: "shape-rendering=\"crispEdges\" fill=\"\(SVGDrawing.accent)\" fill-opacity=\""
            + "\(SVGDrawing.number(Palette.opacity(at: Double(step) / 11)))\"")
      }
      drawing.text(Self.rounded(scale.upperBound), x: x + 12 * 14 + 8, y: top + 14)
    }
    drawing.text(
      "\(Self.uncertainMark)  not above noise: uncertain, flat or rising", x: 0, y: top + 34,
      opacity: 0.8)
    guard totals.contains(where: { $0.chosenCount > 0 }) else { return }
    drawing.rectangle(
      x: 300, y: top + 23, width: 18, height: 13,
      attributes: "rx=\"2\" fill=\"none\" stroke=\"currentColor\" stroke-width=\"2\"")
    drawing.text("chosen", x: 325, y: top + 34, opacity: 0.8)
    drawing.rectangle(
      x: 390, y: top + 23, width: 18, height: 13,
      attributes: "rx=\"2\" fill=\"none\" stroke=\"currentColor\" stroke-width=\"2\" "
        + "stroke-dasharray=\"3 2\"")
    drawing.text("partly chosen", x: 415, y: top + 34, opacity: 0.8)
  }

  private func drawListHeader(at baseline: Double, in drawing: inout SVGDrawing) {
    drawing.text("outside the layers", x: 0, y: baseline, opacity: 0.7)
    drawing.text("parameters", x: 450, y: baseline, anchor: .end, opacity: 0.7)
    drawing.text("influence per parameter", x: 466, y: baseline, opacity: 0.7)
  }

  /// Draws a group outside the layers: its swatch, its name and its numbers.
  private func draw(_ cell: Cell, listedAt top: Double, in drawing: inout SVGDrawing) {
    draw(cell, x: 0, y: top, width: 30, height: Layout.listStep - 2, in: &drawing)
    drawing.text(ReportText.fitted(cell.name, to: 50), x: 38, y: top + 13)
    drawing.text(
      ReportText.grouped(cell.parameterCount), x: 450, y: top + 13, anchor: .end, opacity: 0.8)
    drawing.text(
      ReportText.measured(cell.perParameter, error: cell.perParameterError)
        + (cell.isFixed ? ", always trains" : ""),
      x: 466, y: top + 13, opacity: 0.8)
  }
}
