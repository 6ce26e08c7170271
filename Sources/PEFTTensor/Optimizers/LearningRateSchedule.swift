import Foundation

/// A learning rate as a function of the step: a linear warm-up, then a decay until the last step.
public struct LearningRateSchedule: Hashable, Sendable {
  /// The shape of the decay.
  public enum Decay: String, CaseIterable, Hashable, Sendable {
    /// A straight line, reaching 0 one step after the last.
    case linear
    /// Half a cosine, reaching 0 one step after the last.
    case cosine
    /// No decay.
    case constant
  }

  /// The rate at the end of the warm-up.
  public let peak: Double
  /// The number of warm-up steps.
  public let warmupSteps: Int
  /// The total number of steps.
  public let totalSteps: Int
  /// The shape of the decay.
  public let decay: Decay

  /// Creates a schedule over `totalSteps` steps.
  public init(peak: Double, warmupSteps: Int, totalSteps: Int, decay: Decay = .linear) {
    self.peak = peak
    self.warmupSteps = warmupSteps
    self.totalSteps = totalSteps
    self.decay = decay
  }

  /// The rate of step `step`, counted from 0.
  ///
  /// During warm-up it is `peak` times (step + 1) / `warmupSteps`; afterwards `peak` times 1 − x, ½
  /// (1 + cos πx) or 1, where x is the fraction of the decay that has passed. The warm-up starts at
  /// the rate of one step, not at 0, so that no step is wasted.
  public func rate(at step: Int) -> Double {
    if step < warmupSteps { return peak * Double(step + 1) / Double(warmupSteps) }
    let span = Double(max(1, totalSteps - warmupSteps))
    let done = min(1, max(0, Double(step - warmupSteps) / span))
    switch decay {
    case .linear: return peak * (1 - done)
    case .cosine: return peak * 0.5 * (1 + cos(.pi * done))
    case .constant: return peak
    }
  }
}
