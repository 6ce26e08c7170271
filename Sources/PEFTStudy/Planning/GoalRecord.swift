import Foundation
import PEFTReport

/// How the smallest set that reaches a goal was found: what was trained, and what it reached.
///
/// All scores are of the first seed.
public struct GoalRecord: Hashable, Sendable {
  /// A set of the ladder that was trained.
  public struct Trial: Hashable, Sendable {
    /// What trained beside the head, such as `lora:4`.
    public let name: String
    /// The number of parameters that trained beside the head.
    public let parameters: Int
    /// The primary metric on the dev data.
    public let score: Double
    /// The primary metric on the test data; nil without test data.
    public let test: Double?
    /// The range that eight of ten resamples of the dev rows fall into: of the fraction of full
    /// tuning's score on the same rows, or of the score. Nine of ten are not below its lower end.
    public let range: ClosedRange<Double>

    /// Creates a trial.
    public init(
      name: String, parameters: Int, score: Double, test: Double?, range: ClosedRange<Double>
    ) {
      (self.name, self.parameters) = (name, parameters)
      (self.score, self.test, self.range) = (score, test, range)
    }
  }

  /// What full fine-tuning reached.
  public struct Full: Hashable, Sendable {
    /// The number of its parameters, including the head.
    public let parameters: Int
    /// The primary metric on the dev data.
    public let score: Double
    /// The primary metric on the test data; nil without test data.
    public let test: Double?

    /// Creates the result of full fine-tuning.
    public init(parameters: Int, score: Double, test: Double?) {
      (self.parameters, self.score, self.test) = (parameters, score, test)
    }
  }

  /// What had to be reached.
  public let goal: Goal
  /// The name of the task's primary metric.
  public let metric: String
  /// The number of dev rows.
  public let rowCount: Int
  /// The number of parameters of the head, which trains with every set.
  public let headParameters: Int
  /// What full fine-tuning reached; nil unless the goal is a share of it.
  public let full: Full?
  /// The names of all sets of the ladder, from the smallest.
  public let ladder: [String]
  /// The sets that were trained, from the smallest.
  public let trials: [Trial]
  /// The smallest of them that reached the goal, or else the one with the highest score.
  public let chosen: Trial
  /// The range of the chosen set on resamples of the test rows; nil without test data.
  public var testRange: ClosedRange<Double>?

  /// The record of a search that trained `trials`, one of them at least.
  public init(
    goal: Goal, metric: String, rowCount: Int, headParameters: Int, full: Full?, ladder: [String],
    trials: [Trial]
  ) {
    let sorted = trials.sorted { $0.parameters < $1.parameters }
    let smallest = sorted.first { Self.reaches(goal, $0) }
    // Of equal scores, max(by:) returns the first, that of the smallest set.
    guard let chosen = smallest ?? sorted.max(by: { $0.score < $1.score }) else {
      preconditionFailure("GoalRecord: no set was trained")
    }
    (self.goal, self.metric, self.rowCount) = (goal, metric, rowCount)
    (self.headParameters, self.full, self.ladder) = (headParameters, full, ladder)
    (self.trials, self.chosen) = (sorted, chosen)
  }

  private static func reaches(_ goal: Goal, _ trial: Trial) -> Bool {
    trial.range.lowerBound >= goal.least
  }

  /// Whether a trained set reached the goal: in nine of ten resamples of the dev rows.
  public func reaches(_ trial: Trial) -> Bool { Self.reaches(goal, trial) }

  /// Whether the chosen set reached the goal.
  public var isReached: Bool { reaches(chosen) }

  /// The number of parameters of the chosen set, including the head.
  public var chosenCount: Int { headParameters + chosen.parameters }
}
