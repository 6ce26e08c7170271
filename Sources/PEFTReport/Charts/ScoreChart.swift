import Foundation

/// Methods compared by their score and the parameters they train: one dot for each seed, the mean
/// and one standard deviation to both sides.
public struct ScoreChart: Sendable {
  /// A method.
  public struct Row: Hashable, Sendable {
    /// Its name.
    public let label: String
    /// The parameters it trains.
    public let parameters: Int
    /// Its scores, one for each seed; those that are not finite do not count.
    public let scores: [Double]
    /// Mean seconds of a run, its probes included; nil where unknown.
    public let seconds: Double?
    /// Whether it is the choice that the report is about.
    public let isOurs: Bool
    /// Means of further scores, in the order of the chart's `furtherNames`; they
    /// stand in the table only.
    public let further: [Double]

    /// A method with the scores of its seeds.
    public init(
      label: String, parameters: Int, scores: [Double], seconds: Double? = nil,
      isOurs: Bool = false, further: [Double] = []
    ) {
      self.label = label
      self.parameters = parameters
      self.scores = scores.filter { abs($0) < 1e30 }
      self.seconds = seconds
      self.isOurs = isOurs
      self.further = further
    }

    /// The mean over seeds; nil without scores.
    public var mean: Double? {
      scores.isEmpty ? nil : scores.reduce(0, +) / Double(scores.count)
    }

    /// The standard deviation over seeds, dividing by their number less one; nil for fewer than
    /// two.
    public var deviation: Double? {
      guard let mean, scores.count > 1 else { return nil }
      let squares = scores.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
      return (squares / Double(scores.count - 1)).squareRoot()
    }
  }

  /// The methods, as given.
  public let rows: [Row]
  /// What the score is, such as `accuracy`.
  public let scoreName: String
  /// The number of parameters of the whole model.
  public let total: Int
  /// What the further scores are.
  public let furtherNames: [String]

  /// A comparison by `scoreName` on a model of `total` parameters.
  public init(rows: [Row], scoreName: String, total: Int, furtherNames: [String] = []) {
    precondition(
      total > 0 && rows.allSatisfy { $0.further.count == furtherNames.count },
      "ScoreChart: a model of \(total) parameters, or a row without its \(furtherNames)")
    self.furtherNames = furtherNames
    self.rows = rows
    self.scoreName = scoreName
    self.total = total
  }

  /// The names of the columns of `cells`.
  package var header: [String] {
    ["method", "parameters", "share", scoreName] + furtherNames + ["seeds", "seconds"]
  }

  /// The table's cells: method, parameters, share, mean ± standard deviation, seeds, seconds.
  package var cells: [[String]] {
    rows.map { row in
      let score =
        row.mean.map { mean in
          String(format: "%.4f", mean)
            + (row.deviation.map { String(format: " ± %.4f", $0) } ?? "")
        } ?? "–"
      return [
        (row.isOurs ? "→ " : "") + row.label, ReportText.grouped(row.parameters),
        ReportText.percent(Double(row.parameters), of: Double(total)), score,
      ] + row.further.map(ReportText.metric) + [
        "\(row.scores.count)", row.seconds.map { String(format: "%.1f", $0) } ?? "–",
      ]
    }
  }

  /// The comparison as a table for a terminal of `width` columns; `→` stands before our own.
  public func lines(width: Int) -> [String] {
    guard !rows.isEmpty else { return ["nothing compared"] }
    var table = TextTable(header: header)
    for row in cells { table.add(row) }
    return table.lines(width: max(40, width))
  }
}
