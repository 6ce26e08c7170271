/// Successive halving (Jamieson and Talwalkar, 2016): all trials train a share of their steps, the
/// best of them train further, and so on until few train to the end.
public struct HalvingSchedule: Hashable, Sendable {
  /// A comparison of trials, or the end of the last ones.
  public struct Rung: Hashable, Sendable {
    /// The number of trials that train up to here.
    public let trials: Int
    /// The share of a trial's steps taken until here.
    public let share: Double

    /// The number of steps of a run of `total` until here.
    package func steps(of total: Int) -> Int {
      max(1, min(total, Int((share * Double(total)).rounded(.up))))
    }
  }

  /// The rungs in order; the last one is the end of training.
  public let rungs: [Rung]

  /// The schedule that keeps one of `reduction` trials at each rung.
  ///
  /// From rung to rung, the number of trials is divided by the reduction, and the share of the
  /// steps multiplied by it. The first rung is not before the share `grace`, and at least one trial
  /// trains to the end.
  public init(trials: Int, reduction: Int, grace: Double) {
    var counts = [trials]
    var share = 1.0
    while let last = counts.last, last >= reduction,
      share / Double(reduction) >= grace * (1 - 1e-9)
    {
      counts.append(last / reduction)
      share /= Double(reduction)
    }
    rungs = counts.enumerated().map { index, count in
      var share = 1.0
      for _ in (index + 1)..<counts.count { share /= Double(reduction) }
      return Rung(trials: count, share: share)
    }
  }
}
