import Foundation

extension InfluenceHeatMap {
  /// The map as an SVG drawing 720 units wide; every cell has a tooltip with its numbers. More
  /// influence is darker on light pages and brighter on dark pages, and the colour fades to grey
  /// where the influence is not certain. Empty without groups.
  public var svg: String { svg(width: SVGDrawing.wide) }

  /// The drawing `width` units wide.
  package func svg(width: Double) -> String {
    guard !totals.isEmpty else { return "" }
    let listed = outside.count > 40 ? mostInfluential(40) : outside
    let layout = Layout(self, width: width, listed: listed.count)
    var drawing = SVGDrawing(
      width: layout.width, height: layout.height,
      label: "Influence per parameter of \(rows.count) kinds of groups in \(layerCount) layers")
    if !rows.isEmpty { drawMatrix(layout, in: &drawing) }
    drawLegend(layout, in: &drawing)
    if !listed.isEmpty { drawListHeader(layout, in: &drawing) }
    for (position, cell) in listed.enumerated() {
      draw(
        cell, listedAt: layout.listTop + Double(position) * Layout.listStep, layout, in: &drawing)
    }
    if listed.count < outside.count {
      drawing.text(
        "… and \(outside.count - listed.count) groups with less influence per parameter",
        x: 0, y: layout.height - 8, opacity: 0.7)
    }
    return drawing.markup
  }

  private struct Layout {
    static let listStep = 20.0
    /// The smallest width at which a cell can still be seen and pointed at.
    static let leastCell = 12.0
    let width: Double
    let left: Double
    let cell: (width: Double, height: Double)
    /// The number of layers side by side; further layers are in blocks below.
    let layersAcross: Int
    let blockHeight: Double
    let legendTop: Double
    let listTop: Double
    let height: Double

    /// Whether the legend and the list have room beside each other.
    var isWide: Bool { width >= SVGDrawing.wide }

    init(_ map: InfluenceHeatMap, width: Double, listed: Int) {
      self.width = width
      left = 12 + (map.rows.map { SVGDrawing.width(of: GroupWords.row($0)) }.max() ?? 0)
      let room = width - left
      let most = max(8, Int(room / Self.leastCell))
      let blocks = max(1, (map.layerCount + most - 1) / most)
      layersAcross = max(1, (map.layerCount + blocks - 1) / blocks)
      cell = (min(64, room / Double(layersAcross)), 26)
      blockHeight = 24 + cell.height * Double(map.rows.count) + 12
      legendTop = map.rows.isEmpty ? 0 : blockHeight * Double(blocks)
      let legend = width >= SVGDrawing.wide ? 44.0 : 64
      listTop = legendTop + legend + (listed > 0 ? 32 : 0)
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
    var placed: [(cell: Cell, box: LabelPlacement.Box)] = []
    for (row, name) in rows.enumerated() {
      let top = blockTop + 24 + Double(row) * layout.cell.height
      drawing.text(GroupWords.row(name), x: 0, y: top + layout.cell.height / 2 + 4)
      for layer in layers {
        guard let cell = cells[row][layer] else { continue }
        let box = LabelPlacement.Box(
          left: left(layer), top: top, right: left(layer) + layout.cell.width,
          bottom: top + layout.cell.height)
        placed.append((cell, box))
      }
    }
    draw(placed, in: &drawing)
  }

  /// Draws cells, then the marks of those that are not certain. Without tooltips, cells that look
  /// alike are one element.
  private func draw(
    _ placed: [(cell: Cell, box: LabelPlacement.Box)], in drawing: inout SVGDrawing
  ) {
    // The thin outline shows a cell even if it is very pale.
    drawing.add(
      "<g fill=\"\(Palette.accent)\" stroke=\"\(Palette.accent)\" stroke-width=\"0.75\">")
    var paths: [(attributes: String, path: String)] = []
    for (cell, box) in placed {
      let gap = min(1.5, (box.right - box.left) / 8)
      let (width, height) = (box.right - box.left - 2 * gap, box.bottom - box.top - 2 * gap)
      let outline =
        cell.chosenCount == 0
        ? cell.isCertain ? "" : " stroke=\"none\""
        : " stroke=\"currentColor\" stroke-width=\"2\""
          + (cell.chosenCount < cell.groupCount ? " stroke-dasharray=\"3 2\"" : "")
      let hue = cell.isCertain ? "" : "fill=\"\(Palette.faded(to: cell.certainty))\" "
      let attributes = "\(hue)fill-opacity=\"\(opacity(cell))\"\(outline)"
      if drawing.hasTooltips {
        drawing.rectangle(
          x: box.left + gap, y: box.top + gap, width: width, height: height,
          attributes: "rx=\"2\" " + attributes, title: cell.summary)
      } else {
        let numbers = [box.left + gap, box.top + gap, width, height, -width]
          .map(SVGDrawing.number)
        let path = "M\(numbers[0]),\(numbers[1])h\(numbers[2])v\(numbers[3])h\(numbers[4])z"
        if let index = paths.firstIndex(where: { $0.attributes == attributes }) {
          paths[index].path += path
        } else {
          paths.append((attributes, path))
        }
      }
    }
    for (attributes, path) in paths { drawing.add("<path d=\"\(path)\" \(attributes)/>") }
    drawing.add("</g>")
    for (cell, box) in placed where !cell.isCertain {
      drawing.text(
        Self.uncertainMark, x: (box.left + box.right) / 2, y: (box.top + box.bottom) / 2 + 4,
        anchor: .middle, isBold: true, opacity: 0.8)
    }
  }

  /// The opacity of a cell's hue, from faint to full. What is not certain stays fainter, so that
  /// its mark can be read.
  private func opacity(_ cell: Cell) -> String {
    let strength =
      scale == nil ? faintIntensity(of: cell.perParameter) : intensity(of: cell.perParameter)
    let full = Palette.opacity(at: strength)
    return SVGDrawing.number(cell.isCertain ? full : min(0.45, full))
  }

  /// The position of `perParameter` between the least and the largest influence of any cell, where
  /// none is certain.
  private func faintIntensity(of perParameter: Double) -> Double {
    let values = cells.joined().compactMap { $0?.perParameter }.filter { $0 > 0 }
    guard let low = values.min(), let high = values.max(), high > low, perParameter > low else {
      return 0
    }
    return min(1, log(perParameter / low) / log(high / low))
  }

  private func drawLegend(_ layout: Layout, in drawing: inout SVGDrawing) {
    let top = layout.legendTop
    if let scale {
      let title = layout.isWide ? "influence per parameter" : "influence"
      var x = SVGDrawing.width(of: title) + 12
      drawing.text(title, x: 0, y: top + 14)
      let low = Self.rounded(scale.lowerBound)
      drawing.text(low, x: x, y: top + 14)
      x += SVGDrawing.width(of: low) + 8
      for step in 0..<12 {
        drawing.rectangle(
          x: x + Double(step) * 10, y: top + 3, width: 10, height: 14,
          attributes: "shape-rendering=\"crispEdges\" fill=\"\(SVGDrawing.accent)\" fill-opacity=\""
            + "\(SVGDrawing.number(Palette.opacity(at: Double(step) / 11)))\"")
      }
      drawing.text(Self.rounded(scale.upperBound), x: x + 12 * 10 + 8, y: top + 14)
    }
    drawing.text(
      "\(Self.uncertainMark)  grey: within the noise", x: 0, y: top + 34, opacity: 0.8)
    guard totals.contains(where: { $0.chosenCount > 0 }) else { return }
    let (left, line) = layout.isWide ? (200.0, top + 34) : (0.0, top + 54)
    drawSample(x: left, baseline: line, isDashed: false, in: &drawing)
    drawing.text("chosen", x: left + 25, y: line, opacity: 0.8)
    drawSample(x: left + 90, baseline: line, isDashed: true, in: &drawing)
    drawing.text("partly chosen", x: left + 115, y: line, opacity: 0.8)
  }

  private func drawSample(
    x: Double, baseline: Double, isDashed: Bool, in drawing: inout SVGDrawing
  ) {
    drawing.rectangle(
      x: x, y: baseline - 11, width: 18, height: 13,
      attributes: "rx=\"2\" fill=\"none\" stroke=\"currentColor\" stroke-width=\"2\""
        + (isDashed ? " stroke-dasharray=\"3 2\"" : ""))
  }

  private func drawListHeader(_ layout: Layout, in drawing: inout SVGDrawing) {
    let baseline = layout.listTop - 8
    drawing.text("outside the layers", x: 0, y: baseline, opacity: 0.7)
    guard layout.isWide else {
      drawing.text("per parameter", x: layout.width, y: baseline, anchor: .end, opacity: 0.7)
      return
    }
    drawing.text("parameters", x: 450, y: baseline, anchor: .end, opacity: 0.7)
    drawing.text("influence per parameter", x: 466, y: baseline, opacity: 0.7)
  }

  /// Draws a group outside the layers: its swatch, its name and its numbers.
  private func draw(
    _ cell: Cell, listedAt top: Double, _ layout: Layout, in drawing: inout SVGDrawing
  ) {
    let box = LabelPlacement.Box(left: 0, top: top, right: 30, bottom: top + Layout.listStep - 2)
    draw([(cell, box)], in: &drawing)
    drawing.text(ReportText.fitted(cell.name, to: layout.isWide ? 50 : 30), x: 38, y: top + 13)
    guard layout.isWide else {
      drawing.text(
        cell.isFixed ? "always trains" : ReportText.scientific(cell.perParameter), x: layout.width,
        y: top + 13, anchor: .end, opacity: 0.8)
      return
    }
    drawing.text(
      ReportText.grouped(cell.parameterCount), x: 450, y: top + 13, anchor: .end, opacity: 0.8)
    drawing.text(
      ReportText.measured(cell.perParameter, error: cell.perParameterError)
        + (cell.isFixed ? ", always trains" : ""),
      x: 466, y: top + 13, opacity: 0.8)
  }
}
