/// What a training run tells while it goes.
public enum TrainingEvent: Sendable {
  /// A step was taken.
  case step(StepReport)
  /// An evaluation ended; `isBest` when it beat all before it.
  case evaluation(step: Int, metrics: [(name: String, value: Double)], isBest: Bool)
}

/// One training step.
public struct StepReport: Hashable, Sendable {
  /// What the mathematics of a step says of itself.
  public struct Numbers: Hashable, Sendable {
    /// The number of the step, from 1.
    public let step: Int
    /// Steps in all.
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
  /// Tokens in the batch.
  public let tokens: Int
  /// Wall clock of the step, in seconds, data included.
  public let seconds: Double
}

/// Why training could not continue. The model keeps its last finite parameters, unless the
/// parameters themselves are what diverged.
public struct NonFiniteLoss: Error, Hashable, Sendable, CustomStringConvertible {
  /// The step, from 1.
  public let step: Int
  /// The loss of its batch.
  public let loss: Double
  /// The first parameter, in the order of the model, whose gradient is not finite, or which itself
  /// is not after the step; nil when the loss is not.
  public let parameter: String?
  /// Whether the step was taken: the last one, after which there is no loss to tell.
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

  /// A message with the remedy.
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
  /// Why it ended.
  public enum Ending: String, Hashable, Sendable {
    /// All steps were taken.
    case finished
    /// No evaluation was better for as long as the patience allows.
    case stoppedEarly
    /// The caller asked for the end.
    case interrupted
  }

  /// Why it ended.
  public package(set) var ending: Ending
  /// Steps taken.
  public let steps: Int
  /// Steps planned.
  public let plannedSteps: Int
  /// The step whose parameters the model has now: the best one evaluated.
  public let bestStep: Int
  /// The metrics of that step; empty without evaluations.
  public let bestMetrics: [(name: String, value: Double)]
  /// Wall clock of all steps, in seconds, evaluations left out.
  public let seconds: Double
  /// Tokens a second over the steps after the first two.
  public let tokensPerSecond: Double

  package init(
    ending: Ending, steps: Int, plannedSteps: Int, bestStep: Int,
    bestMetrics: [(name: String, value: Double)], seconds: Double, tokensPerSecond: Double
  ) {
    self.ending = ending
    self.steps = steps
    self.plannedSteps = plannedSteps
    self.bestStep = bestStep
    self.bestMetrics = bestMetrics
    self.seconds = seconds
    self.tokensPerSecond = tokensPerSecond
  }
}
