import Foundation

/// Compares methods by their score and their number of trainable parameters: one dot for each seed,
/// the mean, and one standard deviation on both sides.
public struct ScoreChart: Sendable {
  /// A method.
  public struct Row: Hashable, Sendable {
    /// The name of the method.
    public let label: String
    /// The number of trainable parameters.
    public let parameters: Int
    /// The finite scores of the method, one per seed.
    public let scores: [Double]
    /// The mean time of a run in seconds, including its probes; nil if unknown.
    public let seconds: Double?
    /// Whether it is the selection that the report is about.
    public let isOurs: Bool
    /// The means of further scores, in the order of the chart's `furtherNames`; they appear only in
    /// the table.
    public let further: [Double]
    /// A remark that follows the name in the table; nil without one.
    public let note: String?

    /// Creates a method with its scores.
    public init(
      label: String, parameters: Int, scores: [Double], seconds: Double? = nil,
      isOurs: Bool = false, further: [Double] = [], note: String? = nil
    ) {
      self.label = label
      self.parameters = parameters
      self.scores = scores.filter { abs($0) < 1e30 }
      self.seconds = seconds
      self.isOurs = isOurs
      self.further = further
      self.note = note
    }

    /// The mean over the seeds; nil without scores.
    public var mean: Double? {
      scores.isEmpty ? nil : scores.reduce(0, +) / Double(scores.count)
    }

    /// The sample standard deviation over the seeds (n − 1 in the denominator); nil for fewer than
    /// two.
    public var deviation: Double? {
      guard let mean, scores.count > 1 else { return nil }
      let squares = scores.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
      return (squares / Double(scores.count - 1)).squareRoot()
    }
  }

  /// The methods in the given order.
  public let rows: [Row]
  /// The name of the score, such as `accuracy`.
  public let scoreName: String
  /// The number of parameters of the whole model.
  public let total: Int
  /// The names of the further scores.
  public let furtherNames: [String]
  /// The score of an answer that reads no text; it appears only in the table.
  public var baseline: Double?

  /// A comparison by `scoreName` on a model with `total` parameters.
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

  /// The cells of the table: method, parameters, share, mean ± standard deviation, further scores,
  /// seeds, seconds; at the end the baseline.
  package var cells: [[String]] {
    let last = baseline.map { score in
      ["baseline", "0", "–", ReportText.metric(score)] + furtherNames.map { _ in "–" } + ["–", "–"]
    }
    return methods + (last.map { [$0] } ?? [])
  }

  private var methods: [[String]] {
    rows.map { row in
      let score =
        row.mean.map { mean in
          String(format: "%.4f", mean)
            + (row.deviation.map { String(format: " ± %.4f", $0) } ?? "")
        } ?? "–"
      return [
        (row.isOurs ? "→ " : "") + row.label + (row.note.map { " (\($0))" } ?? ""),
        ReportText.grouped(row.parameters),
        ReportText.percent(Double(row.parameters), of: Double(total)), score,
      ] + row.further.map(ReportText.metric) + [
        "\(row.scores.count)", row.seconds.map { String(format: "%.1f", $0) } ?? "–",
      ]
    }
  }

  /// The comparison as a table for a terminal of `width` columns; `→` marks our own method.
  public func lines(width: Int) -> [String] {
    guard !rows.isEmpty else { return ["nothing compared"] }
    var table = TextTable(header: header)
    for row in cells { table.add(row) }
    return table.lines(width: max(40, width))
  }
}
