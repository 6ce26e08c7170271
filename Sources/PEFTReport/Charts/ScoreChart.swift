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
    /// The size in bytes of what a run stores; nil if unknown.
    public var storedBytes: Int?
    /// The peak memory of a run in bytes; nil if unknown.
    public var peakMemory: Int?
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
  /// The score of an answer that reads no text.
  public var baseline: Double?
  /// A score to reach, with its name.
  package var goal: (name: String, score: Double)?
  /// How scores are written; nil for numbers with four decimal places.
  package var scale: ScoreScale?

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

  private var hasSizes: Bool { rows.contains { $0.storedBytes != nil } }
  private var hasMemory: Bool { rows.contains { $0.peakMemory != nil } }
  private var hasSeeds: Bool { rows.contains { $0.scores.count != 1 } }

  /// The names of the columns of `cells`.
  package var header: [String] {
    ["method", scoreName, "parameters", "share"] + furtherNames + (hasSizes ? ["stored"] : [])
      + (hasMemory ? ["memory"] : []) + (hasSeeds ? ["seeds"] : []) + ["seconds"]
  }

  /// The cells of the table: method, mean ± standard deviation, parameters, share, further scores,
  /// what is known of stored bytes, memory and seeds, seconds; at the end the baseline.
  package var cells: [[String]] {
    let last = baseline.map { score -> [String] in
      let others = header.count - 4
      return ["baseline", text(score), "0", "–"] + Array(repeating: "–", count: others)
    }
    return ranked.map(cells(of:)) + (last.map { [$0] } ?? [])
  }

  /// The index in `cells` of the method that the chart is about; nil if there is none.
  package var ownRow: Int? { ranked.firstIndex(where: \.isOurs) }

  /// The methods, the best first if it is known what is better.
  private var ranked: [Row] {
    guard let scale else { return rows }
    func rank(_ row: Row) -> Double {
      row.mean.map { scale.higherIsBetter ? -$0 : $0 } ?? .infinity
    }
    return rows.enumerated().sorted {
      (rank($0.element), $0.offset) < (rank($1.element), $1.offset)
    }
    .map(\.element)
  }

  private func text(_ score: Double) -> String { scale?.text(score) ?? ReportText.metric(score) }

  private func cells(of row: Row) -> [String] {
    let score =
      row.mean.map { mean in
        text(mean)
          + (row.deviation.map { " ± " + (scale?.number($0) ?? String(format: "%.4f", $0)) } ?? "")
      } ?? "–"
    func size(_ bytes: Int?) -> String { bytes.map { ReportText.bytes($0) } ?? "–" }
    let name = (row.isOurs ? "→ " : "") + row.label + (row.note.map { " (\($0))" } ?? "")
    let share = ReportText.percent(Double(row.parameters), of: Double(total))
    var cells = [name, score, ReportText.grouped(row.parameters), share]
    cells += row.further.map(ReportText.metric)
    if hasSizes { cells.append(size(row.storedBytes)) }
    if hasMemory { cells.append(size(row.peakMemory)) }
    if hasSeeds { cells.append("\(row.scores.count)") }
    cells.append(row.seconds.map { String(format: "%.1f", $0) } ?? "–")
    return cells
  }

  /// The comparison as a table for a terminal of `width` columns; `→` marks our own method.
  public func lines(width: Int) -> [String] {
    guard !rows.isEmpty else { return ["nothing compared"] }
    var table = TextTable(header: header)
    for row in cells { table.add(row) }
    return table.lines(width: max(40, width))
  }
}
