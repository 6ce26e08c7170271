import Foundation
import PEFTRuntime
import PEFTStudy

/// The results of a suite, as its directory has them.
struct SuiteDirectory {
  let path: String
  /// Lines of `results.csv` by the names of their columns.
  private let lines: [[String: String]]
  /// The seeds.
  let seeds: [UInt64]
  /// The budgets, as shares.
  let budgets: [Double]

  /// Reads the suite in `path`.
  init(_ path: String) throws {
    self.path = path
    let summary = try JSONValue(contentsOf: "\(path)/\(SuiteReport.summaryName)")
    seeds = summary["seeds"]?.array?.compactMap { $0.string.flatMap { UInt64($0) } } ?? []
    budgets = summary["budgets"]?.array?.compactMap(\.double) ?? []
    let table = try String(
      contentsOfFile: "\(path)/\(StudyResults.tableName)", encoding: .utf8)
    // The names of this repository's suites need no quotes.
    let cells = table.split(separator: "\n").map {
      $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }
    let names = cells.first ?? []
    lines = cells.dropFirst().map { Dictionary(uniqueKeysWithValues: zip(names, $0)) }
  }

  /// What a probe of a problem found with a seed.
  func influence(_ probe: String, _ problem: String, _ seed: UInt64) throws -> Influence {
    try Influence.read("\(path)/probes/\(problem)/\(probe)/seed-\(seed).json")
  }

  /// The names of the probes of a problem.
  func probes(of problem: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: "\(path)/probes/\(problem)").sorted()
  }

  /// The problems.
  var problems: [String] {
    var problems: [String] = []
    for line in lines {
      if let name = line["problem"], !problems.contains(name) { problems.append(name) }
    }
    return problems
  }

  /// The parameters of a problem's model.
  func parameters(of problem: String) -> Int {
    lines.first { $0["problem"] == problem }?["parameters"].flatMap { Int($0) } ?? 1
  }

  /// The runs of the rows `PREFIX:A+B`, and of the head alone, with the first seed.
  func subsets(_ prefix: String, of problem: String) -> SubsetScores {
    SubsetScores(
      subsets: lines.compactMap { line in
        guard line["problem"] == problem, line["chosen"] == "1",
          line["seed"] == seeds.first.map({ "\($0)" }), let row = line["row"],
          let score = line["dev"].flatMap({ Double($0) }),
          let loss = line["dev_loss"].flatMap({ Double($0) }),
          let trainable = line["trainable"].flatMap({ Int($0) })
        else { return nil }
        let names: [Substring]
        if row == "head" {
          names = []
        } else if row.hasPrefix(prefix + ":") {
          names = row.dropFirst(prefix.count + 1).split(separator: "+")
        } else {
          return nil
        }
        return SubsetScores.Subset(
          names: Set(names.map(String.init)), trainable: trainable, score: score, loss: loss)
      })
  }
}
