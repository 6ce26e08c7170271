import Foundation
import PEFTNetwork
import PEFTSelect

/// The page that shows a selection, with its reasons and its certainty, as one self-contained file.
public struct SelectionReport: Sendable {
  /// The name or the directory of the model.
  public var modelName: String
  /// The number of all parameters of the model, including the task head.
  public var totalParameters: Int
  /// The number of parameters that always train: those of the task head.
  public var fixedParameters: Int
  /// The limit on trainable parameters, including the fixed ones; nil without a budget.
  public var budget: Int?
  /// The selected groups.
  public var chosen: [GroupScore]
  /// The predicted decrease of the loss by the selected groups together.
  public var value: Double
  /// The predicted decrease by the best selection without a budget, of which `value` is shown as a
  /// fraction; nil if it is not known, as with interactions.
  public var largestValue: Double?
  /// The bound that no selection within the budget can exceed.
  public var upperBound: Double
  /// Whether no selection within the budget has a larger value.
  public var isProvenOptimal: Bool
  /// The map of the influence.
  public var heatMap: InfluenceHeatMap
  /// The best values under other budgets.
  public var frontier: FrontierChart
  /// The scores of the selection and of other methods; nil before they are trained.
  public var comparison: ScoreChart?
  /// What a reader must know of the groups before the choice; nil without a remark.
  package var noiseNote: String?
  /// What a reader must know of the scores, a note each.
  package var scoreNotes: [String] = []
  /// The answers of the trained selection on a split, by class; nil if the task has no classes.
  package var classes: (split: String, tables: ConfusionTables)?
  /// The training losses of the selection and of other methods.
  package var curves: CurveChart?
  /// The learning rates that were tried for each method.
  package var rates: RateStrip?
  /// The interactions of the selected groups, then of the others; nil if not measured.
  package var interactions: InteractionMap?
  /// The fraction of the probe resamples in which a selected group was selected, by name.
  package var frequencies: [String: Double] = [:]
  /// All groups that were available for selection.
  package var all: [GroupScore] = []
  /// Whether the selection maximises the joint value; the certificate then covers only groups with
  /// a falling slope.
  package var isInteracting = false
  /// The sets that were compared: what was chosen, and a row for each set; nil if none were.
  package var sets: (reason: String, header: [String], rows: [[String]])?
  /// The goal for which the selection is the smallest that was found: the answer, the caption of a
  /// table, and a row for each set that was trained; nil for a budget.
  package var goal: (answer: String, caption: String, header: [String], rows: [[String]])?
  /// How the selection was made, as names and values.
  public var facts: [(String, String)]
  /// The machine and software, as names and values.
  public var environment: [(String, String)]

  /// Creates a report; see the properties.
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

  /// The number of trainable parameters: selected and fixed ones.
  public var trainedParameters: Int {
    chosen.lazy.filter { !$0.isFixed }.reduce(fixedParameters) { $0 + $1.parameterCount }
  }

  /// The page as HTML: the answer first, then what it rests on, and at the end, folded, how it was
  /// made. It lists at most 200 selected groups, largest values first.
  public var html: String {
    var page = HTMLPage(title: "Selection for \(modelName)")
    addAnswer(to: &page)
    if let goal {
      page.heading("How few parameters reach the goal")
      page.sentence(goal.answer)
      page.table("Sets that were trained", header: goal.header, rows: goal.rows)
      page.sentence(goal.caption)
    }
    addMethods(to: &page)
    page.heading("Where training pays")
    let words = heatMap.chosenWords
    if !words.isEmpty {
      page.paragraph(
        "Trained: " + words.joined(separator: "; ")
          + (fixedParameters > 0 ? "; and the task head." : "."))
    }
    page.figure(
      caption:
        "Each cell is a kind of parameters in a layer. The stronger its colour, the more each of "
        + "its parameters lowers the loss; the greyer, the less certain that is. Outlined cells were "
        + "chosen.", heatMap.svg(width:))
    if comparison != nil { addNoise(to: &page) }
    addTried(to: &page)
    if let classes {
      page.heading("Classes on \(classes.split)")
      classes.tables.add(to: &page)
    }
    if let curves {
      let drawing = curves.svg
      if !drawing.isEmpty { page.heading("Training") }
      page.figure(curves.svg(width:))
    }
    page.heading("Details")
    addDetails(to: &page)
    return page.html
  }

  private func addAnswer(to page: inout HTMLPage) {
    let found = comparison.flatMap(ResultAnswer.init)
    page.answer(
      about: "\(modelName), trained by peft",
      headline: found?.headline ?? "Train \(percent(trainedParameters)) of \(modelName)",
      lead: found?.sentences ?? [],
      figures: found?.figures ?? [])
    if found == nil {
      addNoise(to: &page)
      page.paragraph(answer)
    }
    for note in scoreNotes where note.hasPrefix("warning: ") { page.sentence(note) }
  }

  private func addNoise(to page: inout HTMLPage) {
    if let noiseNote { page.sentence(noiseNote.replacing("`", with: "")) }
  }

  private func addMethods(to page: inout HTMLPage) {
    guard let comparison else { return }
    page.heading("Compared with other methods")
    page.figure(comparison.svg(width:))
    page.table(
      "Methods; the selection is highlighted", header: comparison.header,
      rows: comparison.cells, own: comparison.ownRow)
    for note in scoreNotes where !note.hasPrefix("warning: ") { page.sentence(note) }
  }

  /// Adds the rates that were tried.
  private func addTried(to page: inout HTMLPage) {
    guard let rates, !rates.svg(width: SVGDrawing.wide).isEmpty else { return }
    page.heading("Learning rates")
    page.figure(
      caption: "A ring marks a rate that was tried on the first part of a run, a dot the one that "
        + "was chosen, and a cross one at which training diverged.",
      rates.svg(width:))
  }

  private func addDetails(to page: inout HTMLPage) {
    page.folded("What was selected, and how good the selection is") { page in
      page.paragraph(answer)
      if chosen.isEmpty { page.paragraph("None.") }
      addChosen(to: &page)
    }
    if let sets {
      page.folded("Compared with the defaults") { page in
        page.sentence(sets.reason)
        page.table("Sets within the budget", header: sets.header, rows: sets.rows)
      }
    }
    addAll(to: &page)
    page.folded("Other budgets") { page in
      page.figure(frontier.svg(width:))
      if sets != nil {
        page.paragraph(
          "The curve adds the value of each group trained by itself, with the same step length for "
            + "all. This favours norms and biases. The default was chosen by another measure, the "
            + "slope relative to how far a common step moves the outputs, so it may lie below the "
            + "curve.")
      }
    }
    if let svg = interactions?.svg, !svg.isEmpty {
      page.folded("How groups overlap") { page in
        page.paragraph(
          "1 means that two groups move the outputs alike, so both together give little more than one. "
            + "0 means that they are independent. Below 0, each increases the effect of the other. "
            + "Selected groups come first, and negative values are the smaller squares.")
        page.figure(svg, label: "Map of interactions")
      }
    }
    if let rates {
      let table = rates.table
      page.foldedTable("All learning rates tried", header: table.header, rows: table.rows)
    }
    page.foldedFacts("How it was made", facts)
    page.provenance(environment)
  }

  /// The selection in plain words: what was selected, which fraction of the model and of the
  /// predicted value it has, and whether it is proven to be the best, or how far from the best it
  /// is at most.
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
        "It is predicted to achieve \(percent(value, of: largestValue)) of the reduction in loss that "
          + "the best selection without a budget would.")
    }
    if goal == nil, sets == nil || isProvenOptimal { sentences.append(certainty) }
    return sentences.joined(separator: " ")
  }

  private var certainty: String {
    let others = isInteracting ? "selection of groups with a falling slope" : "selection"
    if isProvenOptimal {
      return
        "No other \(others) within the budget has a larger estimated value; this is proven for the "
        + "estimates, not for the model."
    }
    guard value > 0, upperBound.isFinite, upperBound >= value else {
      return
        "It is not known whether another selection within the budget has a larger estimated value."
    }
    return
      "Another \(others) within the budget may have a larger estimated value, but by at most "
      + "\(percent(upperBound - value, of: value)). This bound is proven for the estimates."
  }

  /// The kinds of `groups`, in descending order of their parameters.
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
      "\(rows.count - open) more chosen groups", header: header,
      rows: Array(rows.dropFirst(open)))
    let rest = sorted.dropFirst(limit)
    if !rest.isEmpty {
      page.paragraph(
        "… and \(ReportText.grouped(rest.count)) more with "
          + "\(ReportText.grouped(rest.reduce(0) { $0 + $1.parameterCount })) parameters.")
    }
  }

  /// Adds a table of the map's numbers, for readers who cannot point at the map.
  private func addAll(to page: inout HTMLPage) {
    let limit = 200
    page.foldedTable(
      "All groups that were measured" + (all.count > limit ? ", the first \(limit)" : ""),
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
