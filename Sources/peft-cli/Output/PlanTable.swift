import Foundation
import PEFTReport
import PEFTSelect
import PEFTStudy

/// A plan in readable form: what trains, and how good the selection is.
struct PlanTable {
  let plan: Plan
  let influence: Influence

  /// The number of rows shown; the file has all rows.
  private static let limit = 40

  init(_ plan: Plan, of influence: Influence) {
    self.plan = plan
    self.influence = influence
  }

  var lines: [String] {
    var table = TextTable(header: ["group", "parameters", "share", "value", "selected in"])
    for item in plan.groups.prefix(Self.limit) {
      table.add([
        item.group.name, item.group.parameterCount.grouped, share(item.group.parameterCount),
        item.group.isFixed ? "fixed" : InfluenceTable.short(item.value),
        item.frequency.map { String(format: "%.0f %%", 100 * $0) } ?? "",
      ])
    }
    let rest = plan.groups.count - Self.limit
    return table.lines(width: .max)
      + (rest > 0 ? ["… and \(rest.grouped) more in \(Plan.fileName)"] : [])
      + anchorLines
      + ([summary] + notes).flatMap {
        ReportText.wrapped($0, to: Console.width, indent: 2)
      }
  }

  /// The sets that were compared, from the best to the worst.
  private var anchorLines: [String] {
    guard let anchor = plan.anchor else { return [] }
    var table = TextTable(header: Anchor.header)
    anchor.rows.forEach { table.add($0) }
    return table.lines(width: .max)
  }

  /// The size and value of the selection, and how good it is.
  var summary: String {
    let gap = plan.value > 0 ? 100 * (plan.upperBound / plan.value - 1) : 0
    if let goal = plan.goal {
      return "\(plan.groups.count) \(plan.groups.count == 1 ? "group" : "groups"), "
        + "\(plan.weight.grouped) parameters (\(share(plan.weight))), "
        + (goal.isReached
          ? "the smallest set that reached the goal" : "the best set of those tried")
    }
    let proof =
      plan.anchor?.isLeft == false
      ? "the best default within the budget"
      : plan.isProven
        ? plan.interaction?.isObjective == true
          ? "proof of arithmetic: no other groups that lower the loss have a larger estimate"
          : "proof of arithmetic: no other selection in the budget has a larger estimate"
        : String(
          format: "at most %.3g %% below the largest estimate within the budget", max(0, gap))
    return
      "\(plan.groups.count) \(plan.groups.count == 1 ? "group" : "groups"), \(plan.weight.grouped) of \(plan.budget.grouped) parameters "
      + "(\(share(plan.weight))), estimated value \(InfluenceTable.short(plan.value)); "
      + proof
  }

  private var notes: [String] {
    var notes: [String] = []
    if let interaction = plan.interaction {
      notes.append(
        String(
          format:
            "by steps without a limit it removes %.2e together and %.2e one by one: %.0f %% is %@",
          interaction.value, interaction.additiveValue, 100 * abs(interaction.redundancy),
          interaction.redundancy >= 0 ? "counted twice" : "gained together"))
    }
    let shaky = plan.groups.filter { !$0.group.isFixed && ($0.frequency ?? 1) < 0.7 }
    if let anchor = plan.anchor { notes.insert(anchor.reason, at: 0) }
    if !shaky.isEmpty {
      notes.append(
        "uncertain: \(shaky.count) of these groups are selected in less than 70 % of resamples")
    }
    return notes
  }

  private func share(_ parameters: Int) -> String {
    String(format: "%.3f %%", 100 * Double(parameters) / Double(plan.modelParameters))
  }
}
