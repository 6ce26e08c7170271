import ArgumentParser
import Foundation
import PEFTReport
import PEFTRuns
import PEFTSelect
import PEFTStudy
import PEFTTensor

struct SelectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "select",
    abstract:
      "Selects what to train within a budget, and bounds how much better another choice could be.",
    discussion: """
      The command writes plan.json, for train --plan, and frontier.csv next to influence.json.

      Example:
        peft select runs/probe --budget 0.5%
      """)

  @Argument(help: "An influence.json, or a run directory with one.", completion: .file())
  var influence: String

  @Option(
    help: """
      Parameters that may train, including the head: a number, or a share such as 0.5%. \
      Without counting the head: 0.01%+head.
      """,
    transform: ParameterBudget.parsed)
  var budget: ParameterBudget

  @Option(help: "Solver to use.")
  var solver = SolverChoice.auto

  @Flag(help: "Account for interactions between groups; the probe must have measured them.")
  var interacting = false

  @Option(
    help: "How a group is valued: trust-region, newton or slope. (default: as probed)")
  var value: String?

  @Option(help: "With --value trust-region: longest step. (default: 0.001)")
  var reach: Double?

  @Option(
    name: .customLong("for"),
    help:
      "Model directory to plan for: a larger model of the same family. (default: the probed one)")
  var target: String?

  @Option(
    help: """
      The influence.json of another probe of the same groups, such as one of the --for model; the \
      command then prints how well the two rankings agree.
      """)
  var against: String?

  @Option(
    help: """
      Directory to write plan.json and frontier.csv into; required with --for. (default: the \
      directory of influence.json)
      """, completion: .directory)
  var output: String?

  @Flag(help: "Replace the plan in --output. A plan next to its influence.json is always replaced.")
  var overwrite = false

  @Option(help: "Time limit of the solver in seconds. (default: 60)")
  var timeLimit: Double?

  @OptionGroup var common: CommonOptions

  enum SolverChoice: String, ExpressibleByArgument, CaseIterable {
    case auto
    case greedy
    case exact
  }

  func validate() throws {
    if let value, !["trust-region", "newton", "slope"].contains(value) {
      throw ValidationError("--value \(value): give trust-region, newton or slope")
    }
    guard reach ?? 1 > 0, reach?.isFinite ?? true, timeLimit ?? 1 > 0, timeLimit?.isFinite ?? true
    else {
      throw ValidationError("--reach and --time-limit: give positive numbers")
    }
    if reach != nil, value != "trust-region" {
      throw ValidationError("--reach: it goes with --value trust-region")
    }
    if interacting, solver != .auto || value != nil || timeLimit != nil {
      throw ValidationError(
        "--interacting: it has a solver and values of its own; leave out --solver, --value and --time-limit"
      )
    }
    if target != nil, value != nil || interacting {
      throw ValidationError(
        "--for: it carries the probed values; leave out --value and --interacting")
    }
    if target != nil, output == nil {
      throw ValidationError("--for: name an --output, for the plan is of another model")
    }
  }

  private var rule: InfluenceRule? {
    switch value {
    case "trust-region": .trustRegion(reach: reach ?? 1e-3)
    case "newton": .newton
    case "slope": .slope
    default: nil
    }
  }

  func run() throws {
    common.apply()
    let home = Self.directory(of: influence)
    let directory = output ?? home
    try RunManifest.refuse(directory)
    let found = try Influence.read(influence)
    if !found.isComplete {
      common.note(
        "warning: the probe was interrupted; these influences are less certain than asked")
    }
    let planner =
      try target.map { try Planner(found, for: $0) } ?? Planner(found, rule: rule)
    let count = budget.count(
      of: planner.groups.modelParameterCount, head: planner.groups.headParameterCount)
    var limits = KnapsackLimits()
    limits.seconds = timeLimit ?? 60
    var plan =
      interacting
      ? try planner.interactingPlan(budget: count)
      : try planner.plan(
        budget: count, solver: solver == .greedy ? .greedy : .automatic, limits: limits)
    plan.files[Influence.fileName] = try Fingerprint.file(Influence.path(influence))
    let frontier = try planner.frontier()
    if directory == home {
      try plan.write(frontier, besideInfluencesIn: directory)
    } else {
      try plan.write(frontier, to: directory, overwriting: overwrite)
    }
    let agreement = try against.map { try planner.agreement(with: Influence.read($0)) }
    let noise = target == nil ? NoiseNote(found).lines : []
    if common.json {
      noise.forEach { common.note($0) }
      var document = plan.json.object ?? [:]
      if let agreement {
        document["agreement"] = .object([
          "kendall": .number(agreement.value),
          "kendallPerParameter": .number(agreement.perParameter),
        ])
      }
      Console.output(.object(document))
    } else {
      let chart = FrontierChart(
        points: frontier, marks: [("chosen", plan.weight, plan.frontierValue)],
        total: plan.modelParameters)
      noise.forEach { Console.output($0) }
      chart.lines(width: min(78, Console.width - 2), height: 12).forEach { Console.output($0) }
      PlanTable(plan, of: found).lines.forEach { Console.output($0) }
      if let agreement {
        Console.output(
          String(
            format: "Kendall's tau with the other probe: %.2f by value, %.2f by value a parameter",
            agreement.value, agreement.perParameter))
      }
      Console.output("plan: \(directory)/\(Plan.fileName)")
    }
  }

  /// The directory of the influences.
  private static func directory(of path: String) -> String {
    var isDirectory: ObjCBool = false
    _ = FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory)
    return isDirectory.boolValue ? path : (path as NSString).deletingLastPathComponent.ifEmpty(".")
  }
}

extension String {
  fileprivate func ifEmpty(_ other: String) -> String { isEmpty ? other : self }
}
