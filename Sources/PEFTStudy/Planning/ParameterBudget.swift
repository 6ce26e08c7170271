import Foundation
import PEFTRuns

/// A limit on trainable parameters: a number, or a fraction of the model's parameters.
public struct ParameterBudget: Hashable, CustomStringConvertible, Sendable {
  /// How the limit is given.
  public enum Limit: Hashable, Sendable {
    /// A number of parameters.
    case count(Int)
    /// A fraction of all parameters of the model; 0.005 is half a per cent.
    case share(Double)
  }

  /// The limit.
  public var limit: Limit
  /// Whether the head, which always trains, is within the limit rather than beside it.
  public var includesHead: Bool

  private static let besideHead = "+head"

  /// Creates a budget.
  public init(_ limit: Limit, includesHead: Bool = true) {
    (self.limit, self.includesHead) = (limit, includesHead)
  }

  /// A number of parameters, including the head.
  public static func count(_ count: Int) -> ParameterBudget { ParameterBudget(.count(count)) }

  /// A fraction of all parameters of the model, including the head.
  public static func share(_ share: Double) -> ParameterBudget { ParameterBudget(.share(share)) }

  /// Parses `5000`, `0.5%` and `0.5 %`, and each with `+head` for a limit beside the head; nil for
  /// anything else, and unless the budget is positive.
  public init?(_ text: String) {
    includesHead = !text.hasSuffix(Self.besideHead)
    let number = includesHead ? text[...] : text.dropLast(Self.besideHead.count)
    if number.hasSuffix("%") {
      let digits = number.dropLast().trimmingPrefix { $0 == " " }
      guard let share = Double(digits.last == " " ? digits.dropLast() : digits), share > 0,
        share.isFinite
      else { return nil }
      limit = .share(share / 100)
    } else {
      guard let count = Int(number), count > 0 else { return nil }
      limit = .count(count)
    }
  }

  /// The text that is parsed as this budget, such as `0.05%+head`.
  public var description: String {
    let number =
      switch limit {
      case .count(let count): "\(count)"
      case .share(let share): String(format: "%.6g%%", 100 * share)
      }
    return number + (includesHead ? "" : Self.besideHead)
  }

  /// The number of parameters, including the head, that the budget allows in a model with
  /// `parameters` parameters, of which `head` are those of the head.
  public func count(of parameters: Int, head: Int) -> Int {
    let count =
      switch limit {
      case .count(let count): count
      case .share(let share): Int(min(share * Double(parameters), 0x1p61))
      }
    return includesHead ? count : min(count, 1 << 61) + head
  }
}

extension PreparedJob {
  /// The number of parameters, including the head, that `budget` allows in this model.
  public func count(of budget: ParameterBudget) -> Int {
    budget.count(of: counts.parameters, head: model.taskParameters.reduce(0) { $0 + $1.count })
  }
}
