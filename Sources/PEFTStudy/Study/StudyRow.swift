import Foundation
import PEFTModels
import PEFTNetwork
import PEFTRuns
import PEFTSelect

/// One line of a study's tables: a method on a problem, under a budget if it needs one. Its runs
/// differ only in seed and learning rate.
public struct StudyRow: Sendable {
  /// The problem's name.
  public let problem: String
  /// The method's name.
  public let method: String
  /// The family in which the method is counted.
  public let family: String
  /// The budget as a fraction of the model's parameters; nil for methods of a fixed size.
  public let budget: Double?
  /// What the row trains.
  let content: Study.Kind

  /// The row's name, unique within its problem, such as `one-walk@0.2%` or `bitfit`.
  public var label: String { method + (budget.map { "@" + Self.text(ofShare: $0) } ?? "") }

  /// Whether only the head trains.
  var isHead: Bool {
    if case .fixed(let method) = content { method is HeadTuning } else { false }
  }

  /// `0.2%` for 0.002.
  static func text(ofShare share: Double) -> String {
    String(format: "%.6g%%", 100 * share)
  }
}

/// The part of a study's rows that one process handles: every `count`-th row, starting with the
/// `index`-th.
public struct StudyShard: Hashable, Sendable {
  /// The number of the shard, from 1.
  public let index: Int
  /// The number of shards.
  public let count: Int

  /// The shard with all rows.
  public static let whole = StudyShard(index: 1, count: 1)

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

  /// Whether the shard contains the row at `position`, from 0.
  func holds(_ position: Int) -> Bool { position % count == index - 1 }
}

extension Study {
  /// Every row, problem by problem, in the order of the methods.
  ///
  /// Throws if there are more than `rowLimit` rows.
  package var rows: [StudyRow] {
    get throws(InvalidSetting) {
      var rows: [StudyRow] = []
      for problem in problems {
        for method in methods where method.problems?.contains(problem.name) ?? true {
          rows += self.rows(of: method, on: problem.name)
          guard rows.count <= Self.rowLimit else {
            throw InvalidSetting(
              "the suite has more than \(Self.rowLimit) rows, a method on a problem under a budget "
                + "each; leave out some of its models, tasks, methods or budgets")
          }
        }
      }
      return rows
    }
  }

  /// The largest number of rows of a study.
  package static let rowLimit = 100_000

  private func rows(of method: Method, on problem: String) -> [StudyRow] {
    var budgets: [Double?] = [nil]
    if case .selection = method.kind { budgets = method.budgets ?? self.budgets }
    return budgets.map {
      StudyRow(
        problem: problem, method: method.name, family: method.family, budget: $0,
        content: method.kind)
    }
  }
}
