import Foundation
import PEFTModels
import PEFTNetwork
import PEFTRuns
import PEFTSelect
import PEFTTensor

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
  /// Whether the head is within the budget rather than beside it.
  let budgetIncludesHead: Bool
  /// The learning rates to choose from; if empty, every run finds its own.
  let learningRates: [Double]
  /// What the row trains.
  let content: Study.Kind

  /// The row's name, unique within its problem, such as `one-walk@0.2%` or `bitfit`.
  public var label: String {
    method + (parameterBudget.map { "@\($0)" } ?? "")
  }

  /// Whether everything trains.
  var isFull: Bool {
    if case .fixed(let method) = content { method is FullTuning } else { false }
  }

  /// Whether the row is what the main job chooses by itself.
  var isMeasured: Bool { if case .measured = content { true } else { false } }

  /// The budget as a fraction or, for one beside the head, as text.
  var budgetRecord: JSONValue? {
    budget.map {
      budgetIncludesHead
        ? .number($0) : .string("\(ParameterBudget(.share($0), includesHead: false))")
    }
  }

  /// The number of parameters, including the head, that the budget allows; nil without a budget.
  func parameterLimit(of parameters: Int, head: Int) -> Int? {
    parameterBudget?.count(of: parameters, head: head)
  }

  /// Whether only the head trains.
  var isHead: Bool {
    if case .fixed(let method) = content { method is HeadTuning } else { false }
  }

  private var parameterBudget: ParameterBudget? {
    budget.map { ParameterBudget(.share($0), includesHead: budgetIncludesHead) }
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
    switch method.kind {
    case .selection, .measured: budgets = method.budgets ?? self.budgets
    default: break
    }
    return budgets.map {
      StudyRow(
        problem: problem, method: method.name, family: method.family, budget: $0,
        budgetIncludesHead: budgetsIncludeHead,
        learningRates: method.learningRates ?? learningRates, content: method.kind)
    }
  }
}
