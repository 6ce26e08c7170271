import ArgumentParser
import PEFTTensor
import PEFTTrain

struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Recomputes a plan's weight, value and bound, and solves it anew.",
    discussion: """
      Ends with 0 where everything holds, and with 4 where something does not.

      Example:
        peft verify runs/probe/plan.json
      """)

  @Argument(help: "plan.json, or a run directory with one.")
  var plan: String

  @OptionGroup(title: "Common") var common: CommonOptions

  func run() throws {
    common.apply()
    let plan = try Plan.read(plan)
    let found = try plan.check()
    if common.json {
      var document: JSONObject = [
        "holds": .bool(true), "weight": .integer(found.weight), "value": .number(found.value),
        "upperBound": .number(plan.upperBound), "fractionalBound": .number(found.fractionalBound),
        "proven": .bool(plan.isProven),
      ]
      document["bestValue"] = found.bestValue.map { .number($0) }
      Console.output(.object(document))
      return
    }
    Console.output(
      "holds: \(plan.groups.count) groups, \(found.weight.grouped) of \(plan.budget.grouped) "
        + "parameters, value \(found.value)")
    Console.output(
      found.bestValue.map { "solved anew: \($0); bound \(plan.upperBound)" }
        ?? "chosen for its value with interactions, which this does not recompute")
  }
}
