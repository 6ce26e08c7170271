import Foundation
import PEFTModels
import PEFTNetwork
import PEFTRuns
import PEFTSelect

/// One line of a suite's tables: a method on a problem, under a budget where it needs one. Its runs
/// differ in seed and learning rate only.
public struct SuiteRow: Sendable {
  /// The problem's name.
  public let problem: String
  /// The method's name.
  public let method: String
  /// What it is counted with.
  public let family: String
  /// The budget, as a share of the model's parameters; nil for methods of one size.
  public let budget: Double?
  /// What trains.
  let content: Content

  /// What trains.
  enum Content: Sendable {
    case fixed(any AdaptationMethod)
    case lastLayers(Int)
    case selection(ComparisonSuite.Choice)
    /// Groups by name, and of which probe.
    case subset([String], probe: String)
  }

  /// The row's name among those of its problem, such as `one-walk@0.2%` or `kinds:bias+norm`.
  public var label: String {
    switch content {
    case .subset(let names, _):
      method + ":" + (names.isEmpty ? "none" : names.joined(separator: "+"))
    default: method + (budget.map { "@" + Self.text(ofShare: $0) } ?? "")
    }
  }

  /// Whether all seeds are run.
  var isRepeated: Bool {
    if case .subset = content { false } else { true }
  }

  /// Whether the head alone trains.
  var isHead: Bool {
    if case .fixed(let method) = content { method is HeadTuning } else { false }
  }

  /// `0.2%` for 0.002.
  static func text(ofShare share: Double) -> String {
    String(format: "%.6g%%", 100 * share)
  }
}

/// The part of a suite's rows that one process takes: every `count`-th, from the `index`-th.
public struct SuiteShard: Hashable, Sendable {
  /// Its number, from 1.
  public let index: Int
  /// How many there are.
  public let count: Int

  /// All rows.
  public static let whole = SuiteShard(index: 1, count: 1)

  private init(index: Int, count: Int) {
    self.index = index
    self.count = count
  }

  /// Parses `2/4`; nil for anything else.
  public init?(_ text: String) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false).map { Int($0) ?? 0 }
    guard parts.count == 2, (1...1_000_000).contains(parts[1]), (1...parts[1]).contains(parts[0])
    else { return nil }
    self.init(index: parts[0], count: parts[1])
  }

  /// Whether it has the row at `position`, from 0.
  func holds(_ position: Int) -> Bool { position % count == index - 1 }
}

extension ComparisonSuite {
  /// Every row, problem by problem in the order of the methods.
  ///
  /// Throws where a probe's groups are too many for all their subsets, and where there are more
  /// than `rowLimit` rows.
  ///
  /// - Parameter groups: those of a problem by a probe, the head left out.
  package func rows(
    groups: (_ problem: String, _ probe: String) -> [ParameterGroup]
  ) throws -> [SuiteRow] {
    var rows: [SuiteRow] = []
    for problem in problems {
      for method in methods where method.problems?.contains(problem.name) ?? true {
        rows += try self.rows(of: method, on: problem.name, groups: groups)
        guard rows.count <= Self.rowLimit else {
          throw InvalidSetting(
            "the suite has more than \(Self.rowLimit) rows, a method on a problem under a budget "
              + "each; leave out some of its models, tasks, methods or budgets")
        }
      }
    }
    return rows
  }

  /// The most rows of a suite.
  package static let rowLimit = 100_000

  /// The rules of the probes whose groups' subsets are all trained.
  var subsetRules: [String: GroupingRule] {
    var rules: [String: GroupingRule] = [:]
    for method in methods {
      if case .everySubset(let probe) = method.kind { rules[probe] = probes[probe]?.rule }
    }
    return rules
  }

  private func rows(
    of method: Method, on problem: String, groups: (String, String) -> [ParameterGroup]
  ) throws -> [SuiteRow] {
    func row(_ content: SuiteRow.Content, budget: Double? = nil) -> SuiteRow {
      SuiteRow(
        problem: problem, method: method.name, family: method.family, budget: budget,
        content: content)
    }
    switch method.kind {
    case .fixed(let fixed): return [row(.fixed(fixed))]
    case .lastLayers(let count): return [row(.lastLayers(count))]
    case .selection(let choice):
      return (method.budgets ?? budgets).map { row(.selection(choice), budget: $0) }
    case .everySubset(let probe):
      let names = groups(problem, probe).map(\.name)
      guard names.count <= Self.subsetLimit else {
        throw InvalidSetting(
          "\(method.name): \(names.count) groups have too many subsets; give a probe of at most "
            + "\(Self.subsetLimit), such as one by kind")
      }
      return (0..<1 << names.count).map { bits in
        row(.subset(names.indices.filter { bits >> $0 & 1 == 1 }.map { names[$0] }, probe: probe))
      }
    }
  }

  /// The most groups whose subsets are all trained.
  private static let subsetLimit = 10
}
