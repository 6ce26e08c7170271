import PEFTNetwork
import PEFTSelect

extension InfluenceHeatMap {
  /// Groups that are shown as one cell.
  public struct Cell: Hashable, Sendable {
    /// The content of the cell: a row and its layer, a matrix, or a kind.
    public let name: String
    /// The kind of the parameters of its first group.
    public let kind: ParameterKind
    /// The number of groups in the cell.
    public private(set) var groupCount = 0
    /// The number of selected groups in the cell.
    public private(set) var chosenCount = 0
    /// The number of parameters, Σ |k|.
    public private(set) var parameterCount = 0
    /// The sum of the values.
    public private(set) var value = 0.0
    private var slope = 0.0
    private var slopeVariance = 0.0
    private var valueVariance = 0.0
    private var first: GroupInfluence.Verdict?
    private var fittedCount = 0
    private var movingCount = 0

    init(name: String, kind: ParameterKind) {
      self.name = name
      self.kind = kind
    }

    mutating func add(_ score: GroupScore, isChosen: Bool) {
      groupCount += 1
      chosenCount += isChosen ? 1 : 0
      parameterCount += score.parameterCount
      value += score.value
      valueVariance += score.valueError * score.valueError
      if first == nil { first = score.verdict }
      guard score.verdict != .unfitted else { return }
      fittedCount += 1
      guard score.verdict != .flat else { return }
      movingCount += 1
      slope += score.slope
      slopeVariance += score.slopeError * score.slopeError
    }

    /// The standard error of the value; the errors of the groups are treated as independent.
    public var valueError: Double { valueVariance.squareRoot() }

    /// The value per parameter; 0 without parameters.
    public var perParameter: Double { parameterCount > 0 ? value / Double(parameterCount) : 0 }

    /// The standard error of the value per parameter.
    public var perParameterError: Double {
      parameterCount > 0 ? valueError / Double(parameterCount) : 0
    }

    /// How reliable the influence is: a single group's own verdict, or the verdict on the sum of
    /// the slopes of several groups.
    public var verdict: GroupInfluence.Verdict {
      if groupCount == 1, let first { return first }
      if fittedCount == 0 { return .unfitted }
      if movingCount == 0 { return .flat }
      let reach = 2 * slopeVariance.squareRoot()
      return slope > reach ? .certain : slope < -reach ? .rising : .uncertain
    }

    /// Whether the influence exceeds the noise; a cell that does not is drawn as `·`.
    public var isCertain: Bool { verdict == .certain }

    /// How certain the influence is: 0 if it may as well be none, 1 if its slope is at least two
    /// standard errors above zero.
    var certainty: Double {
      if isCertain { return 1 }
      guard slope > 0, slopeVariance > 0 else { return 0 }
      return min(1, slope / (2 * slopeVariance.squareRoot()))
    }

    /// Whether the groups always train.
    public var isFixed: Bool { kind == .head }

    /// A one-line description for tooltips.
    var summary: String {
      let groups = groupCount == 1 ? "" : ", \(ReportText.grouped(groupCount)) groups"
      let chosen =
        chosenCount == 0
        ? ""
        : chosenCount == groupCount ? ", chosen" : ", \(ReportText.grouped(chosenCount)) chosen"
      return "\(name): \(ReportText.grouped(parameterCount)) parameters\(groups), "
        + "\(ReportText.measured(perParameter, error: perParameterError)) per parameter, "
        + "\(verdict.rawValue)\(chosen)"
    }
  }
}
