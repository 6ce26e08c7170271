import Foundation

/// Families of methods by score and number of trainable parameters: a dot for each member, and a
/// line through the members that represent the family.
package struct SuiteChart {
  /// A member of a family.
  package struct Point {
    let label: String
    let parameters: Double
    let mean: Double
    /// One standard deviation over the seeds; nil for one seed.
    let deviation: Double?
    /// Whether this member represents the family for its number of parameters.
    let stands: Bool

    /// Creates a member.
    package init(label: String, parameters: Double, mean: Double, deviation: Double?, stands: Bool)
    {
      self.label = label
      self.parameters = parameters
      self.mean = mean
      self.deviation = deviation
      self.stands = stands
    }
  }

  /// The families, with the suite's own family first.
  package let families: [(name: String, points: [Point])]
  /// The family that the suite is about.
  package let ours: String
  /// The name of the score.
  package let scoreName: String
  /// The number of parameters of the whole model.
  package let total: Double

  /// Creates a chart.
  package init(
    families: [(name: String, points: [Point])], ours: String, scoreName: String, total: Double
  ) {
    self.families = families
    self.ours = ours
    self.scoreName = scoreName
    self.total = total
  }

  /// The chart as an SVG drawing 720 units wide. Empty without points.
  package var svg: String { svg(width: SVGDrawing.wide) }

  /// The drawing `width` units wide.
  package func svg(width: Double) -> String {
    let all = families.flatMap(\.points)
    guard let least = all.map(\.mean).min(), let most = all.map(\.mean).max() else { return "" }
    let room = max((most - least) * 0.08, 1e-6)
    let area = PlotArea(
      x: LogAxis(all.map(\.parameters)),
      y: LinearAxis(low: least - room, high: most + room), total: total, width: width)
    var drawing = area.drawing(
      label: "\(scoreName) of \(families.count) families of methods by the parameters they train",
      valueName: "\(scoreName), mean over seeds")
    var labels: [(text: String, x: Double, y: Double, isBold: Bool)] = []
    for (index, family) in families.enumerated() {
      let points = family.points.sorted { $0.parameters < $1.parameters }
      let places = points.map { area.point($0.parameters, $0.mean) }
      let colour = CurveChart.colour(index)
      let isOurs = family.name == ours
      let joined = zip(points, places).filter(\.0.stands).map(\.1)
      if joined.count > 1 {
        let path = joined.map { "\(SVGDrawing.number($0.x)),\(SVGDrawing.number($0.y))" }
        drawing.add(
          "<polyline points=\"\(path.joined(separator: " "))\" fill=\"none\" stroke=\"\(colour)\" "
            + "stroke-width=\"\(isOurs ? 3 : 1.5)\"\(CurveChart.dash(index))/>")
      }
      for (point, place) in zip(points, places) {
        let spread = point.deviation.map { String(format: " ± %.4f", $0) } ?? ""
        drawing.dot(
          x: place.x, y: place.y, radius: isOurs ? 5 : 3.5, attributes: "fill=\"\(colour)\"",
          title: "\(point.label): \(String(format: "%.4f", point.mean))\(spread), "
            + "\(ReportText.grouped(Int(saturating: point.parameters.rounded()))) parameters")
      }
      if let best = places.min(by: { ($0.y, $0.x) < ($1.y, $1.x) }) {
        labels.append((family.name, best.x, best.y, isOurs))
      }
    }
    area.label(labels.filter(\.isBold) + labels.filter { !$0.isBold }, in: &drawing)
    return drawing.markup
  }
}
