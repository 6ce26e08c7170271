import ArgumentParser
import PEFTSelect
import PEFTStudy
import PEFTTensor

struct KnapsackCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "knapsack",
    abstract: "Solves a knapsack problem from a text file, with a bound and a proof if possible.",
    discussion: """
      The file has one line "n capacity" and then n lines "value weight".

      Example:
        peft knapsack instance.txt --json
      """)

  @Argument(help: "File with the problem.", completion: .file())
  var file: String

  @Option(help: "Capacity to use instead of the file's.")
  var capacity: String?

  @Flag(help: "Print the best value for every capacity.")
  var frontier = false

  @Option(help: "Solver to use.")
  var solver = KnapsackSolver.automatic

  @Option(
    help:
      "Time limit in seconds. When it is reached, the best solution so far and its bound are printed."
  )
  var timeLimit = 60.0

  @OptionGroup var common: CommonOptions

  func validate() throws {
    guard timeLimit >= 0, timeLimit.isFinite else {
      throw ValidationError("--time-limit: give a number from 0")
    }
  }

  func run() throws {
    common.apply()
    let read = try KnapsackFile(path: file, capacity: capacity)
    var limits = KnapsackLimits()
    limits.seconds = timeLimit
    if frontier {
      try show(read.instance.frontier(limits: limits), scale: read.weightScale)
    } else {
      show(read.instance.solve(using: solver, limits: limits), scale: read.weightScale)
    }
  }

  private func show(_ outcome: KnapsackOutcome, scale: Int64) {
    if common.json {
      Console.output(
        .object([
          "value": .number(outcome.value), "weight": Self.json(outcome.weight, scale: scale),
          "items": .array(outcome.selection.map { .integer($0) }),
          "upperBound": .number(outcome.upperBound), "proven": .bool(outcome.isProvenOptimal),
          "seconds": .number(outcome.seconds), "solver": .string(outcome.solver.rawValue),
          "states": .integer(outcome.states),
        ]))
      return
    }
    Console.output("value   \(outcome.value)")
    Console.output("weight  \(Self.text(outcome.weight, scale: scale))")
    Console.output(
      "bound   \(outcome.upperBound)" + (outcome.isProvenOptimal ? "  (proven optimal)" : ""))
    Console.output("items   " + outcome.selection.map(String.init).joined(separator: " "))
    Console.output("\(outcome.solver.rawValue), \(outcome.states) states, \(outcome.seconds) s")
  }

  private func show(_ frontier: KnapsackFrontier?, scale: Int64) throws {
    guard let frontier else {
      throw UnfinishedFrontier(
        description: "the frontier has too many points for the limits; raise --time-limit, or ask "
          + "for one capacity")
    }
    if common.json {
      Console.output(
        .object([
          "frontier": .array(
            frontier.points.map {
              .object(["weight": Self.json($0.weight, scale: scale), "value": .number($0.value)])
            })
        ]))
      return
    }
    for point in frontier.points {
      Console.output("\(Self.text(point.weight, scale: scale)) \(point.value)")
    }
  }

  private static func json(_ weight: Int64, scale: Int64) -> JSONValue {
    scale == 1 ? .integer(Int(weight)) : .number(Double(weight) / Double(scale))
  }

  private static func text(_ weight: Int64, scale: Int64) -> String {
    scale == 1 ? "\(weight)" : "\(Double(weight) / Double(scale))"
  }
}

extension KnapsackSolver: ExpressibleByArgument {}

/// A frontier that limits ended early; this is a numerical outcome, not an invalid file.
struct UnfinishedFrontier: Error, CustomStringConvertible {
  let description: String
}
