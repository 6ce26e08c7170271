import Foundation

/// A learning rate as a function of the step: a linear warm-up, then a decay to the end.
public struct LearningRateSchedule: Hashable, Sendable {
  /// The form of the decay.
  public enum Decay: String, CaseIterable, Hashable, Sendable {
    /// Straight down, to 0 at the step after the last.
    case linear
    /// Half a cosine down, to 0 at the step after the last.
    case cosine
    /// No decay.
    case constant
  }

  /// The rate at the end of the warm-up.
  public let peak: Double
  /// Steps of warm-up.
  public let warmupSteps: Int
  /// Steps in all.
  public let totalSteps: Int
  /// The form of the decay.
  public let decay: Decay

  /// A schedule over `totalSteps` steps.
  public init(peak: Double, warmupSteps: Int, totalSteps: Int, decay: Decay = .linear) {
    self.peak = peak
    self.warmupSteps = warmupSteps
    self.totalSteps = totalSteps
    self.decay = decay
  }

  /// The rate of step `step`, from 0: `peak` times (step + 1) / warm-up while warming up, then
  /// times 1 − x or ½ (1 + cos πx) or 1, where x is the part of the decay that is over.
  ///
  /// The warm-up starts at one step's worth, not at 0, so that no step is lost.
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
