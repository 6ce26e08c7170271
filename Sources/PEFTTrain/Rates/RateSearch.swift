/// How a run found its learning rate.
public struct RateSearch: Hashable, Sendable {
  /// The rate derived from the movement of the features; nil if nothing outside the head trains
  /// when the run begins.
  public let estimate: RateEstimate?
  /// The rates that were tried, in order; empty if the run is too short for that.
  public let arms: [Arm]
  /// The number of steps after which the rate was chosen; 0 without arms.
  public let steps: Int
  /// The chosen rate.
  public let rate: Double
  /// The time in seconds of everything that is not part of the run with the chosen rate: the
  /// estimate, the other arms and the evaluations that compare them.
  public let seconds: Double

  /// The beginning of a run with one rate.
  public struct Arm: Hashable, Sendable {
    /// The rate.
    public let rate: Double
    /// The number of steps taken.
    public let steps: Int
    /// The loss by which the arm was judged, on dev data, or without these on the batches it was
    /// about to train on; nil if the arm diverged, or was so far behind that it was given up.
    public let loss: Double?

    /// Creates an arm.
    public init(rate: Double, steps: Int, loss: Double?) {
      (self.rate, self.steps, self.loss) = (rate, steps, loss)
    }
  }

  /// Creates the record of a search.
  public init(
    estimate: RateEstimate?, arms: [Arm], steps: Int, rate: Double, seconds: Double
  ) {
    (self.estimate, self.arms, self.steps) = (estimate, arms, steps)
    (self.rate, self.seconds) = (rate, seconds)
  }

  /// The rate to begin with if there is no estimate.
  static let usualRate = 3e-3
  /// The factor between neighbouring rates.
  static let factor = 3.0
  /// The parts of the run after which arms are compared, the second only if the first does not
  /// decide.
  static let shares = [0.125, 0.25]
  /// Twice the number of values of an arm whose mean is judged.
  static let averagedValues = 16
  /// The fewest steps of an arm. A run of fewer than four times as many uses the estimate.
  static let leastSteps = 8
  /// The largest number of arms.
  static let armLimit = 5
  /// The largest numbers of rows of the dev data on which arms are compared in the first round, to
  /// give some up, and after it.
  static let rowLimits = (early: 128, late: 512)

  /// The rate to try next; nil if the best is known to lie between others, or there are enough
  /// arms.
  ///
  /// Higher rates are tried before lower ones. As long as a higher rate than the winner's is not
  /// certainly worse, no lower one is tried: the loss after so many steps has one minimum over the
  /// rates, and high rates are ahead at first.
  ///
  /// - Parameters:
  ///   - winner: the arm that would be chosen now; nil if none has a loss.
  ///   - isBoundedAbove: whether all arms with higher rates than the winner's are certainly worse.
  package static func nextRate(
    after arms: [Arm], winner: Arm?, isBoundedAbove: Bool, beginningWith first: Double
  ) -> Double? {
    let rates = arms.map(\.rate)
    guard let lowest = rates.min(), let highest = rates.max() else { return first }
    guard arms.count < armLimit else { return nil }
    guard let winner else { return RateEstimate.rounded(lowest / factor) }
    if winner.rate == highest { return RateEstimate.rounded(highest * factor) }
    if winner.rate == lowest, isBoundedAbove { return RateEstimate.rounded(lowest / factor) }
    return nil
  }

  /// The share of a lower rate's mean loss that a higher rate's must not exceed to replace it. High
  /// rates are ahead before the rate falls, and what they gain later is little beside what they
  /// lose if they are too high.
  package static let leastGain = 0.95

  /// Whether an arm is so far behind another that it need not be judged: over the second half of
  /// its batches, of which there are at least eight, its losses are higher than the other's on the
  /// same batches by a tenth and by four standard errors of the difference.
  ///
  /// - Parameters:
  ///   - losses: the losses on its batches so far.
  ///   - others: the losses of the other arm, which has taken at least as many steps, on its
  ///     batches.
  package static func isHopeless(_ losses: [Double], beside others: [Double]) -> Bool {
    guard losses.count >= 16, losses.count <= others.count else { return false }
    let half = losses.count / 2..<losses.count
    let mean = losses[half].reduce(0, +)
    return mean > 1.1 * others[half].reduce(0, +)
      && isBetter(Array(others[half]), than: Array(losses[half]), byErrors: 4)
  }

  /// Whether the mean of `losses` is below that of `others` on the same examples by more than this
  /// many standard errors of the difference.
  package static func isBetter(
    _ losses: [Double], than others: [Double], byErrors errors: Double = 2
  ) -> Bool {
    let differences = zip(losses, others).map { $0 - $1 }
    guard differences.count > 1 else { return false }
    let mean = differences.reduce(0, +) / Double(differences.count)
    let variance =
      differences.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(differences.count - 1)
    return mean < -errors * (variance / Double(differences.count)).squareRoot()
  }
}
