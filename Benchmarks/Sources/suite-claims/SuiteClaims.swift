// Checks the claims of published methods on the results of a suite: whether rankings of groups
// agree, whether a selection is the best of all subsets, whether falls of the loss add up, and how
// many fits of a loss curve are rejected.
//
//     swift run -c release --package-path Benchmarks suite-claims runs/claims \
//       --agreement fit,fit-late --agreement fit,kinds --subsets kinds
import ArgumentParser
import Foundation
import PEFTStudy

@main
struct SuiteClaims: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "suite-claims",
    abstract: "Checks claims of published methods on the results of `peft suite`.")

  @Argument(help: "Directory of a finished suite.")
  var directory: String

  @Option(
    help: """
      Two probes whose rankings are compared, such as fit,kinds; of two problems with \
      PROBLEM/PROBE,PROBLEM/PROBE. May be given several times.
      """)
  var agreement: [String] = []

  @Option(help: "Compare selections with the rows NAME:GROUP+GROUP, by groups of the probe NAME.")
  var subsets: String?

  func run() throws {
    let suite = try SuiteDirectory(directory)
    let bootstrap = SeedBootstrap(seeds: suite.seeds.count)
    for text in agreement {
      for (first, other) in try pairs(text, suite) {
        let tau = try suite.seeds.map { seed in
          let found = try suite.influence(first.probe, first.problem, seed)
          let theirs = try suite.influence(other.probe, other.problem, seed)
          let planner =
            first.problem == other.problem
            ? Planner(found) : try Planner(found, for: theirs.modelDirectory)
          return try planner.agreement(with: theirs)
        }
        print(
          "ranking  \(first.problem)/\(first.probe)  \(other.problem)/\(other.probe)  Kendall's τ "
            + "by value \(interval(bootstrap.estimate(tau.map(\.value))))  for each parameter "
            + interval(bootstrap.estimate(tau.map(\.perParameter))))
      }
    }
    for problem in suite.problems {
      if let subsets { try report(subsets, problem, suite) }
      try reportRejections(problem, suite)
    }
  }

  private typealias Place = (problem: String, probe: String)

  private func pairs(_ text: String, _ suite: SuiteDirectory) throws -> [(Place, Place)] {
    let parts = text.split(separator: ",").map {
      $0.split(separator: "/").map(String.init)
    }
    guard parts.count == 2, parts[0].count == parts[1].count, (1...2).contains(parts[0].count)
    else { throw ValidationError("--agreement \(text): give PROBE,PROBE") }
    if parts[0].count == 2 { return [((parts[0][0], parts[0][1]), (parts[1][0], parts[1][1]))] }
    return suite.problems.map { (($0, parts[0][0]), ($0, parts[1][0])) }
  }

  private func report(_ name: String, _ problem: String, _ suite: SuiteDirectory) throws {
    let scores = suite.subsets(name, of: problem)
    guard let seed = suite.seeds.first else { return }
    let rule = try suite.influence(name, problem, seed).ruleName
    for probe in try suite.probes(of: problem) {
      let found = try suite.influence(probe, problem, seed)
      guard found.ruleName == rule, found.settings["candidates"] == nil else { continue }
      for budget in suite.budgets {
        let limit = Int(budget * Double(suite.parameters(of: problem)))
        guard let plan = try? Planner(found).plan(budget: limit, seed: seed),
          let place = scores.place(
            of: plan.groups.filter { !$0.group.isFixed }.map(\.group.name), limit: limit)
        else { continue }
        print(
          "subset  \(problem)  \(probe)  \(String(format: "%.6g%%", 100 * budget))  chose "
            + "\(place.chosen.label) (\(number(place.chosen.score))), \(place.rank) of "
            + "\(place.count); the best is \(place.best.label) (\(number(place.best.score)))")
      }
    }
    if let additivity = scores.additivity {
      print(
        "additivity  \(problem)  \(additivity.count) subsets  Spearman "
          + "\(number(additivity.correlation))  median of fall by sum \(number(additivity.ratio))")
    }
  }

  private func reportRejections(_ problem: String, _ suite: SuiteDirectory) throws {
    for probe in try suite.probes(of: problem) {
      let found = try suite.seeds.compactMap { try? suite.influence(probe, problem, $0) }
      guard let groups = found.first?.groups, found.first?.settings["estimator"]?.string == "fit"
      else { continue }
      let records = found.flatMap(\.records)
      let shares = groups.indices.filter { !groups[$0].isFixed }.map { index in
        let rejected = records.count { !$0.isAccepted[index] }
        return (groups[index].name, Double(rejected) / Double(max(1, records.count)))
      }
      let mean = shares.reduce(0) { $0 + $1.1 } / Double(max(1, shares.count))
      print(
        "rejected fits  \(problem)  \(probe)  \(number(100 * mean)) %  "
          + shares.filter { $0.1 > 0 }.map { "\($0.0) \(number(100 * $0.1)) %" }
          .joined(separator: ", "))
    }
  }

  private func number(_ value: Double) -> String { String(format: "%.4g", value) }

  private func interval(_ estimate: SeedBootstrap.Estimate) -> String {
    String(format: "%.4f (%.4f to %.4f)", estimate.value, estimate.low, estimate.high)
  }
}
