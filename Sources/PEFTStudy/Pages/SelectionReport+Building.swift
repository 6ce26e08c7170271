import Foundation
import PEFTNetwork
import PEFTReport
import PEFTRuns
import PEFTSelect
import PEFTTensor

extension SelectionReport {
  /// The page for a probe, the plan made from it, and the results of training the plan.
  public init(
    _ influence: Influence, plan: Plan, frontier: [(parameters: Int, value: Double)],
    comparison: Comparison?
  ) {
    let values = Dictionary(plan.items.map { ($0.name, $0.value) }) { first, _ in first }
    let scores = zip(influence.groups, influence.influences).map {
      // The plan may have used a rule other than the probe's.
      GroupScore($0, $1, valuedAt: $0.isFixed ? $1.value : values[$0.name] ?? $1.value)
    }
    let chosen = Set(plan.groups.map(\.group.name))
    let fixed = influence.groups.headParameterCount
    self.init(
      modelName: (influence.modelDirectory as NSString).lastPathComponent,
      totalParameters: plan.modelParameters, fixedParameters: fixed,
      budget: plan.goal == nil ? plan.budget : nil,
      chosen: scores.filter { chosen.contains($0.name) }, value: plan.value,
      largestValue: plan.interaction?.isObjective == true ? nil : frontier.last?.value,
      upperBound: plan.upperBound,
      isProvenOptimal: plan.isProven,
      heatMap: InfluenceHeatMap(scores, layerCount: influence.layerCount, chosen: chosen),
      frontier: FrontierChart(
        points: frontier, marks: [("chosen", plan.weight, plan.frontierValue)],
        total: plan.modelParameters),
      comparison: comparison.map { ScoreChart($0) },
      facts: Self.facts(influence, plan), environment: EnvironmentReport.facts)
    self.comparison?.goal = plan.goal.flatMap { record in
      comparison.flatMap { Self.line(of: record, on: $0.split) }
    }
    noiseNote = influence.noiseNote
    scoreNotes = comparison?.notes ?? []
    goal = plan.goal.map { ($0.answer, $0.caption, $0.header, $0.rows) }
    sets = plan.anchor.map { ($0.reason, Anchor.header, $0.rows) }
    isInteracting = plan.interaction?.isObjective == true
    all = scores
    frequencies = Dictionary(
      plan.groups.compactMap { group in group.frequency.map { (group.group.name, $0) } }
    ) { first, _ in first }
    if let matrix = influence.interactions {
      let order = influence.groups.indices.filter { influence.influences[$0].value > 0 }.sorted {
        let (left, right) = (influence.groups[$0], influence.groups[$1])
        let (isLeft, isRight) = (chosen.contains(left.name), chosen.contains(right.name))
        return isLeft == isRight
          ? influence.influences[$0].value > influence.influences[$1].value : isLeft
      }
      interactions = InteractionMap(
        matrix, names: influence.groups.map(\.name), indices: order)
    }
  }

  /// The score to reach on a split, with its name; nil if full fine-tuning has none there.
  private static func line(of record: GoalRecord, on split: String) -> (
    name: String, score: Double
  )? {
    switch record.goal {
    case .score(let score): return ("goal", score)
    case .percentOfFull(let percent):
      guard let full = split == "test" ? record.full?.test : record.full?.score else { return nil }
      return (String(format: "goal, %g %% of full fine-tuning", percent), percent / 100 * full)
    }
  }

  private static func facts(_ influence: Influence, _ plan: Plan) -> [(String, String)] {
    var facts = [("Model", influence.modelDirectory)]
    // The plan decides how groups are valued.
    facts += influence.settings.members.filter { !["value", "aggregate"].contains($0.key) }
      .map { ($0.key, text($0.value)) }
    facts += [
      ("Value", plan.valueRule), ("Several probes", influence.aggregation.rawValue),
      (
        "Cost of the probe",
        String(format: "%.1f s: ", influence.cost.seconds) + influence.cost.description
      ),
      ("Solver", plan.solver),
    ]
    let verdicts = Dictionary(grouping: influence.influences, by: \.verdict).mapValues(\.count)
    facts.append(
      (
        "Verdicts",
        GroupInfluence.Verdict.allCases.compactMap { verdict in
          verdicts[verdict].map { "\($0) \(verdict.rawValue)" }
        }.joined(separator: ", ")
      ))
    if let stability = plan.stability {
      facts.append(
        (
          "Under resampling",
          String(
            format: "value %.3g ± %.2g over %d resamples of the probes", stability.valueMean,
            stability.valueDeviation, stability.resampleCount)
        ))
    }
    if let interaction = plan.interaction {
      facts.append(
        (
          "With interactions",
          String(
            format:
              "by steps without a limit %.3g together and %.3g one by one, redundancy %.0f %%",
            interaction.value, interaction.additiveValue, 100 * interaction.redundancy)
        ))
    }
    return facts
  }
}

extension SelectionReport {
  /// A setting in readable form: strings as they are, several values separated by commas.
  fileprivate static func text(_ setting: JSONValue) -> String {
    switch setting {
    case .string(let text): text
    case .array(let values): values.map(text).joined(separator: ", ")
    case .object(let object):
      object.members.map { $0.key + " " + text($0.value) }.joined(separator: ", ")
    default: setting.text()
    }
  }
}

extension Comparison {
  /// The answer in words, for a terminal: score and size, then what a reader asks next.
  public var answer: [String] {
    ResultAnswer(ScoreChart(self)).map { [$0.headline] + $0.sentences } ?? []
  }
}

extension ScoreChart {
  /// The scores of the methods of a comparison.
  init(_ comparison: Comparison) {
    let scale = ScoreScale(
      comparison.metric, on: comparison.split, higherIsBetter: comparison.higherIsBetter,
      rowCount: comparison.baseline(on: comparison.split)?.rowCount)
    self.init(
      rows: comparison.entries.map { entry in
        var row = ScoreChart.Row(
          label: entry.label, parameters: entry.trainable,
          scores: entry.runs.compactMap { $0[comparison.metric, comparison.split] },
          seconds: entry.seconds, isOurs: entry.isSelection,
          further: comparison.furtherMetrics.map { entry.mean($0, on: comparison.split) ?? .nan },
          note: comparison.excess(of: entry))
        (row.storedBytes, row.peakMemory) = (entry.storedBytes, entry.peakMemory)
        return row
      },
      scoreName: "\(scale.name) on \(comparison.split)"
        + (comparison.higherIsBetter ? "" : " (less is better)"),
      total: comparison.modelParameters, furtherNames: comparison.furtherMetrics)
    self.scale = scale
    baseline = comparison.baseline(on: comparison.split)?[comparison.metric]
  }
}
