import Foundation

/// The best value for each number of parameters.
///
/// It is a staircase, because the best selection stays the same until the next one fits.
///
/// The axis of parameters is logarithmic, in fractions of the model. The line leaves out dominated
/// points and points without parameters or without a finite value.
public struct FrontierChart: Sendable {
  /// A corner of the staircase.
  public struct Point: Hashable, Sendable {
    /// The number of parameters.
    public let parameters: Int
    /// The value.
    public let value: Double
  }

  /// A named point.
  public struct Mark: Hashable, Sendable {
    /// The name.
    public let label: String
    /// The number of parameters.
    public let parameters: Int
    /// The value.
    public let value: Double
  }

  /// The corners, in which parameters and values both ascend.
  public let points: [Point]
  /// The marks in the given order, without those whose value is not finite.
  public let marks: [Mark]
  /// The number of parameters of the whole model.
  public let total: Int

  /// The frontier of `points`, in any order, of a model with `total` parameters. The named `marks`
  /// are on the frontier or below it. The cost is that of a sort.
  public init(
    points: [(parameters: Int, value: Double)],
    marks: [(label: String, parameters: Int, value: Double)], total: Int
  ) {
    precondition(total > 0, "FrontierChart: a model of \(total) parameters")
    self.total = total
    self.marks = marks.filter { abs($0.value) < Self.valueLimit }
      .map { Mark(label: $0.label, parameters: $0.parameters, value: $0.value) }
    var corners: [Point] = []
    let sorted = points.filter { $0.parameters > 0 && abs($0.value) < Self.valueLimit }.sorted {
      $0.parameters == $1.parameters ? $0.value > $1.value : $0.parameters < $1.parameters
    }
    for point in sorted where point.value > corners.last?.value ?? -.infinity {
      corners.append(Point(parameters: point.parameters, value: point.value))
    }
    self.points = corners
  }

  /// The largest magnitude that an axis can show; larger values are left out.
  private static let valueLimit = 1e30

  var axes: (x: LogAxis, y: LinearAxis) {
    let all = points.map { ($0.parameters, $0.value) } + marks.map { ($0.parameters, $0.value) }
    let values = all.map(\.1)
    let (least, most) = (min(0, values.min() ?? 0), max(0, values.max() ?? 1))
    return (
      LogAxis(all.map { Double($0.0) }),
      LinearAxis(low: least, high: most > least ? most + (most - least) * 0.05 : 1)
    )
  }

  /// The best values at `count` positions that divide the axis evenly, each at the end of its part;
  /// nil before the first corner.
  func samples(_ count: Int, along axis: LogAxis) -> [Double?] {
    var next = 0
    return (0..<count).map { place in
      let limit = axis.value(at: Double(place + 1) / Double(count))
      while next < points.count, Double(points[next].parameters) <= limit { next += 1 }
      return next > 0 ? points[next - 1].value : nil
    }
  }

  var isEmpty: Bool { points.isEmpty && marks.isEmpty }
}
