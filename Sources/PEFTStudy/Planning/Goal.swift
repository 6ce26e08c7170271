import Foundation
import PEFTData
import PEFTRuns

/// What a trained set has to reach on the dev data, by the task's primary metric.
public enum Goal: Hashable, Sendable {
  /// A share of what full fine-tuning reaches, in per cent.
  case percentOfFull(Double)
  /// A value of the metric.
  case score(Double)

  /// Parses `98%-of-full`, a share above 0 and up to 100 %, and `0.93`, a score above 0 and up to
  /// 1.
  ///
  /// Throws a sentence that says what to write for anything else.
  public init(_ text: String) throws(InvalidSetting) {
    if let number = Self.number(text, before: "%-of-full") {
      guard number > 0, number <= 100 else {
        throw InvalidSetting(
          "a share of what full fine-tuning reaches is above 0 and at most 100 %; write 98%-of-full"
        )
      }
      self = .percentOfFull(number)
    } else if let number = Self.number(text, before: ""), number > 0, number <= 1 {
      self = .score(number)
    } else if let number = Self.number(text, before: "%") ?? Self.number(text, before: ""),
      number > 1, number <= 100
    {
      throw InvalidSetting(
        String(
          format:
            "write %1$g%%-of-full for %1$g %% of what full fine-tuning reaches, or %2$g for a score",
          number, number / 100))
    } else {
      throw InvalidSetting(
        "give a share of what full fine-tuning reaches, such as 98%-of-full, or a score above 0 and at "
          + "most 1, such as 0.93")
    }
  }

  /// The number that `text` is before `ending`, in plain decimal digits.
  private static func number(_ text: String, before ending: String) -> Double? {
    guard text.hasSuffix(ending) else { return nil }
    let parts = text.dropLast(ending.count).split(separator: ".", omittingEmptySubsequences: false)
    let isPlain = parts.allSatisfy { part in
      !part.isEmpty && part.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    }
    guard isPlain, parts.count <= 2 else { return nil }
    // Only what `description` writes in plain digits, and as many digits as it writes.
    guard let number = Double(parts.joined(separator: ".")), number == 0 || number >= 1e-4 else {
      return nil
    }
    return Double(String(format: "%.15g", number))
  }

  /// Whether the goal is a share of what full fine-tuning reaches.
  public var isRelative: Bool {
    if case .percentOfFull = self { true } else { false }
  }

  /// The least measure that reaches the goal: a fraction of full fine-tuning's score, or a score.
  public var least: Double {
    switch self {
    case .percentOfFull(let percent): percent / 100
    case .score(let score): score
    }
  }

  /// The measure that the goal is about: the fraction score / full, or the score itself.
  ///
  /// Where full fine-tuning has no skill, with a score of 0 or less, there is no share of it, and
  /// the measure is 0.
  package func measure(_ score: Double, full: Double?) -> Double {
    guard let full else { return score }
    return full > 0 ? score / full : 0
  }

  /// Throws if `task` is judged by a metric of which less is better: a share of a loss says
  /// nothing, and which loss is low enough depends on the texts.
  func check(_ task: any PredictionTask) throws(InvalidSetting) {
    let metric = task.primaryMetric
    guard !metric.higherIsBetter else { return }
    throw InvalidSetting(
      setting: "goal", value: self,
      "this task is judged by its \(metric.name), where lower is better; a goal needs a score from "
        + "0 (no skill) to 1, such as accuracy, F1 or a correlation. Use `budget` "
        + "instead")
  }
}

extension Goal: CustomStringConvertible {
  /// `98%-of-full` or `0.93`, as it is parsed.
  public var description: String {
    switch self {
    case .percentOfFull(let percent): String(format: "%.15g%%-of-full", percent)
    case .score(let score): String(format: "%.15g", score)
    }
  }
}
