import Foundation
import PEFTNetwork
import PEFTSelect

/// The page that shows a selection: what was chosen, why, and how sure that is. One self-contained
/// file.
public struct SelectionReport: Sendable {
  /// The name of the model, or its directory.
  public var modelName: String
  /// All parameters of the model, the task head included.
  public var totalParameters: Int
  /// The parameters that train whatever is chosen: those of the task head.
  public var fixedParameters: Int
  /// The most parameters that may train, fixed ones included; nil without a budget.
  public var budget: Int?
  /// The chosen groups.
  public var chosen: [GroupScore]
  /// The predicted fall of the loss by the chosen groups together.
  public var value: Double
  /// The same by the best choice without a budget: what the share of `value` is of; nil where that
  /// is not known, as with interactions.
  public var largestValue: Double?
  /// What no choice within the budget can exceed.
  public var upperBound: Double
  /// Whether no choice within the budget has a larger value.
  public var isProvenOptimal: Bool
  /// Where the influence is.
  public var heatMap: InfluenceHeatMap
  /// What other budgets would give.
  public var frontier: FrontierChart
  /// How the choice did beside other methods, once they are trained.
  public var comparison: ScoreChart?
  /// Training losses of the choice and of other methods.
  package var curves: CurveChart?
  /// How the chosen groups, and then the others, interact; nil where it was not measured.
  package var interactions: InteractionMap?
  /// In what part of the resamples of the probes a chosen group was chosen, by name.
  package var frequencies: [String: Double] = [:]
  /// Every group that was weighed.
  package var all: [GroupScore] = []
  /// Whether it was made by what groups remove together: the certificate is about groups with
  /// a falling slope then.
  package var isInteracting = false
  /// How the selection was made: names and texts.
  public var facts: [(String, String)]
  /// Where and with what: names and texts.
  public var environment: [(String, String)]

  /// A report of these; see the properties.
  public init(
    modelName: String, totalParameters: Int, fixedParameters: Int, budget: Int?,
    chosen: [GroupScore], value: Double, largestValue: Double?, upperBound: Double,
    isProvenOptimal: Bool, heatMap: InfluenceHeatMap, frontier: FrontierChart,
    comparison: ScoreChart? = nil, facts: [(String, String)],
    environment: [(String, String)] = []
  ) {
    precondition(totalParameters > 0, "SelectionReport: a model of \(totalParameters) parameters")
    self.modelName = modelName
    self.totalParameters = totalParameters
    self.fixedParameters = fixedParameters
    self.budget = budget
    self.chosen = chosen
    self.value = value
    self.largestValue = largestValue
    self.upperBound = upperBound
    self.isProvenOptimal = isProvenOptimal
    self.heatMap = heatMap
    self.frontier = frontier
    self.comparison = comparison
    self.facts = facts
    self.environment = environment
  }

  /// The parameters that train: chosen and fixed.
  public var trainedParameters: Int {
    chosen.lazy.filter { !$0.isFixed }.reduce(fixedParameters) { $0 + $1.parameterCount }
  }

  /// The page. At most 200 chosen groups are listed, the largest values first, all
  /// but 24 of them folded.
  public var html: String {
    var page = HTMLPage(title: "Selection for \(modelName)")
    let share = percent(trainedParameters)
    page.heading("Train \(share) of \(modelName)", level: 1)
    page.paragraph(answer)
    page.heading("Where the influence is")
    page.figure(heatMap.svg, label: "Heat map of influence")
    addAll(to: &page)
    page.heading("What other budgets would give")
    page.figure(frontier.svg, label: "Chart of value by parameters")
    if let comparison {
      page.heading("Beside other methods")
      page.figure(comparison.svg, label: "Chart of scores by parameters")
      page.table("Methods", header: comparison.header, rows: comparison.cells)
    }
    if let svg = curves?.svg, !svg.isEmpty {
      page.heading("Training")
      page.figure(svg, label: "Chart of training losses")
    }
    page.heading("Chosen groups")
    if chosen.isEmpty { page.paragraph("None.") }
    addChosen(to: &page)
    if let svg = interactions?.svg, !svg.isEmpty {
      page.heading("How groups overlap")
      page.paragraph(
        "1 means that two groups move the outputs alike, so both together give little more than one. "
          + "0 means that they are independent. Below 0, each increases the effect of the other. "
          + "Selected groups come first, and negative values are the smaller squares.")
      page.figure(svg, label: "Map of interactions")
    }
    page.heading("How it was made")
    page.facts(facts)
    if let command = environment.first(where: { $0.0 == "command" })?.1 {
      page.heading("To reproduce it")
      page.code(command)
    }
    page.environment(environment)
    return page.html
  }

  /// The selection in plain words: what was chosen, how much of the model it is, what share of the
  /// predicted value it has, and whether that is proven to be the best or how far from it at most.
  public var answer: String {
    let trains = chosen.filter { !$0.isFixed }
    var sentences = [
      "\(modelName) has \(ReportText.grouped(totalParameters)) parameters; "
        + "\(ReportText.grouped(trainedParameters)) of them (\(percent(trainedParameters))) train"
        + (budget.map { ", within the budget of \(ReportText.grouped($0)) (\(percent($0)))." }
          ?? ".")
    ]
    if trains.isEmpty {
      sentences.append("No group was chosen.")
    } else {
      let count = trains.count == 1 ? "1 group" : "\(ReportText.grouped(trains.count)) groups"
      sentences.append("Chosen: \(count), \(makeup(of: trains)).")
    }
    if fixedParameters > 0 {
      sentences.append(
        "The task head (\(ReportText.grouped(fixedParameters)) parameters) always trains and is "
          + "counted.")
    }
    if let largestValue, largestValue > 0, value.isFinite {
      sentences.append(
        "This selection is predicted to give \(percent(value, of: largestValue)) of the fall of the "
          + "loss that the best selection without a budget would give.")
    }
    sentences.append(certainty)
    return sentences.joined(separator: " ")
  }

  private var certainty: String {
    let others = isInteracting ? "selection of groups with a falling slope" : "selection"
    if isProvenOptimal {
      return
        "It is proven that, by these predictions, no other \(others) within the budget does better."
    }
    guard value > 0, upperBound.isFinite, upperBound >= value else {
      return "It is not known whether another selection within the budget does better."
    }
    return
      "Another \(others) within the budget may do better, but by these predictions by at most "
      + "\(percent(upperBound - value, of: value)). This bound is proven."
  }

  /// The kinds of `groups`, those with most parameters first.
  private func makeup(of groups: [GroupScore]) -> String {
    var sizes: [ParameterKind: Int] = [:]
    for group in groups { sizes[group.kind, default: 0] += group.parameterCount }
    let all = sizes.values.reduce(0, +)
    let parts = ParameterKind.allCases.compactMap { kind in sizes[kind].map { (kind, $0) } }
      .sorted { $0.1 > $1.1 }
    if parts.count == 1, let part = parts.first { return "all \(part.0.rawValue)" }
    return "of whose parameters "
      + parts.map { "\(percent(Double($0.1), of: Double(max(1, all)))) are \($0.0.rawValue)" }
      .joined(separator: ", ")
  }

  private func addChosen(to page: inout HTMLPage) {
    let (open, limit) = (24, 200)
    let sorted = chosen.sorted { $0.value == $1.value ? $0.name < $1.name : $0.value > $1.value }
    let header = [
      "group", "layer", "parameters", "value", "per parameter", "selected in", "verdict",
    ]
    let rows = sorted.prefix(limit).map { group in
      [
        group.name, group.layer.map(String.init) ?? "–", ReportText.grouped(group.parameterCount),
        ReportText.measured(group.value, error: group.valueError),
        ReportText.scientific(group.perParameter),
        frequencies[group.name].map { String(format: "%.0f %%", 100 * $0) } ?? "–",
        group.isFixed ? "always trains" : group.verdict.rawValue,
      ]
    }
    page.table("Chosen groups", header: header, rows: Array(rows.prefix(open)))
    page.foldedTable(
      "The next \(rows.count - open) of the chosen groups", header: header,
      rows: Array(rows.dropFirst(open)))
    let rest = sorted.dropFirst(limit)
    if !rest.isEmpty {
      page.paragraph(
        "… and \(ReportText.grouped(rest.count)) more with "
          + "\(ReportText.grouped(rest.reduce(0) { $0 + $1.parameterCount })) parameters.")
    }
  }

  /// The figures behind the map, for those who cannot point at it.
  private func addAll(to page: inout HTMLPage) {
    let limit = 2000
    page.foldedTable(
      "Every group that was weighed" + (all.count > limit ? ", the first \(limit)" : ""),
      header: ["group", "parameters", "slope", "value", "per parameter", "verdict"],
      rows: all.prefix(limit).map { group in
        [
          group.name, ReportText.grouped(group.parameterCount),
          ReportText.measured(group.slope, error: group.slopeError),
          ReportText.measured(group.value, error: group.valueError),
          ReportText.scientific(group.perParameter), group.verdict.rawValue,
        ]
      })
  }

  private func percent(_ count: Int) -> String {
    percent(Double(count), of: Double(totalParameters))
  }

  private func percent(_ part: Double, of whole: Double) -> String {
    ReportText.percent(part, of: whole)
  }
}
