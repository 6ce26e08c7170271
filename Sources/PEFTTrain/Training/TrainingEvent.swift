import PEFTModels

/// An event that a training run reports.
public enum TrainingEvent: Sendable {
  /// A step was taken.
  case step(StepReport)
  /// An evaluation ended; `isBest` is true if it is better than all previous ones.
  case evaluation(step: Int, metrics: [(name: String, value: Double)], isBest: Bool)
  /// After `step` steps, the run chose again what it trains.
  case reselection(step: Int, Reselection)
}

/// One training step.
public struct StepReport: Hashable, Sendable {
  /// The numerical results of a step.
  public struct Numbers: Hashable, Sendable {
    /// The number of the step, from 1.
    public let step: Int
    /// The number of steps of the whole run.
    public let totalSteps: Int
    /// The mean loss of the batch.
    public let loss: Double
    /// The learning rate.
    public let learningRate: Double
    /// The global norm of the gradient before clipping.
    public let gradientNorm: Double
  }

  /// The step's numbers.
  public let numbers: Numbers
  /// The number of tokens in the batch.
  public let tokens: Int
  /// The wall-clock time of the step, in seconds, including the preparation of its data, without
  /// what a selection took that was made again before it.
  public let seconds: Double
}

/// The error of a run that cannot continue. The model keeps its last finite parameters, unless the
/// parameters themselves are what diverged.
public struct NonFiniteLoss: Error, Hashable, Sendable, CustomStringConvertible {
  /// The step, from 1.
  public let step: Int
  /// The loss of its batch.
  public let loss: Double
  /// The first parameter, in the order of the model, whose gradient is not finite, or whose value
  /// is not finite after the step; nil if the loss is not finite.
  public let parameter: String?
  /// Whether the step was taken.
  ///
  /// It was if the parameters are not finite after the last step, which no later loss can show.
  public let isTaken: Bool
  private let remedy: String

  package init(
    step: Int, loss: Double, parameter: String?, isTaken: Bool = false,
    remedy: String = "lower `learning-rate`, raise `warmup`"
  ) {
    self.step = step
    self.loss = loss
    self.parameter = parameter
    self.isTaken = isTaken
    self.remedy = remedy
  }

  /// The message, with a remedy.
  public var description: String {
    let place =
      parameter.map { isTaken ? "\($0) is" : "the gradient of \($0) is" } ?? "the loss is"
    return "step \(step): \(place) not finite "
      + (isTaken ? "after it; " : "(loss \(loss)); the step was not taken; ")
      + "\(remedy), or look for a broken example"
  }
}

/// How a training run ended.
public struct TrainingOutcome: Sendable {
  /// The reason why a run ended.
  public enum Ending: String, Hashable, Sendable {
    /// All steps were taken.
    case finished
    /// The run ended early because no evaluation improved on the best within the patience.
    case stoppedEarly
    /// The caller stopped the run.
    case interrupted
  }

  /// The reason why the run ended.
  public package(set) var ending: Ending
  /// The number of steps taken.
  public let steps: Int
  /// The number of steps planned.
  public let plannedSteps: Int
  /// The step whose parameters the model has now: the one with the best evaluation.
  public let bestStep: Int
  /// The metrics of that step; empty if there were no evaluations.
  public let bestMetrics: [(name: String, value: Double)]
  /// The wall-clock time of all steps, in seconds, without evaluations, and of choosing what
  /// trains.
  public let seconds: Double
  /// The part of `seconds` in which what trains was chosen, before the first step and again later.
  public let choosingSeconds: Double
  /// Tokens per second over the steps after the first two.
  public let tokensPerSecond: Double

  package init(
    ending: Ending, steps: Int, plannedSteps: Int, bestStep: Int,
    bestMetrics: [(name: String, value: Double)], seconds: Double, tokensPerSecond: Double,
    choosingSeconds: Double = 0
  ) {
    self.choosingSeconds = choosingSeconds
    self.ending = ending
    self.steps = steps
    self.plannedSteps = plannedSteps
    self.bestStep = bestStep
    self.bestMetrics = bestMetrics
    self.seconds = seconds
    self.tokensPerSecond = tokensPerSecond
  }

  /// The outcome of a run that was stopped before its first step.
  package static func notBegun(of plannedSteps: Int) -> TrainingOutcome {
    TrainingOutcome(
      ending: .interrupted, steps: 0, plannedSteps: plannedSteps, bestStep: 0, bestMetrics: [],
      seconds: 0, tokensPerSecond: 0)
  }
}
