import ArgumentParser
import Foundation
import PEFTReport
import PEFTStudy
import PEFTTensor

struct ListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ls",
    abstract: "Lists the runs, comparisons, suites and searches below a directory.",
    discussion: """
      Each result has a line with the score of what was trained, its parameters, the bytes that it \
      stores, and whether the run is complete, running, stopped (it can be resumed), or \
      unreadable. For a comparison, the line shows its best method.

      Examples:
        peft ls runs
        peft ls runs --sort score
      """)

  /// What the lines are sorted by.
  enum Order: String, CaseIterable, ExpressibleByArgument {
    case name, date, score, size
  }

  @Argument(help: "Directory to look in.", completion: .directory)
  var directory = "."

  @Option(help: "Sort by name, or put the newest, the best score or the smallest first.")
  var sort = Order.name

  @Flag(help: "List the runs inside comparisons, too.")
  var all = false

  @OptionGroup var common: CommonOptions

  func run() throws {
    let listing = try ResultListing(below: directory, includingParts: all)
    let results = sorted(listing.results)
    for problem in listing.problems { common.note("warning: " + problem) }
    if common.json {
      Console.output(.object(["results": .array(results.map(\.json))]))
      return
    }
    guard !results.isEmpty else {
      common.note("there are no results below \(directory)")
      return
    }
    ListingTable(results, width: Console.width).lines.forEach { Console.output($0) }
    for result in results {
      if let problem = result.problem { common.note("warning: " + problem) }
    }
  }

  private func sorted(_ results: [ListedResult]) -> [ListedResult] {
    // Results are by name; stable order among equals.
    func order(_ key: (ListedResult) -> Double) -> [ListedResult] {
      results.enumerated().sorted { (key($0.element), $0.offset) < (key($1.element), $1.offset) }
        .map(\.element)
    }
    return switch sort {
    case .name: results
    case .date: order { -($0.date?.timeIntervalSince1970 ?? 0) }
    case .score:
      order { result in
        (result.test ?? result.dev).map { result.higherIsBetter ? -$0 : $0 } ?? .infinity
      }
    case .size: order { $0.storedBytes.map(Double.init) ?? .infinity }
    }
  }
}
