import PEFTTensor

/// A search for the settings of a training run: what varies, how it is searched, and how long.
public struct HyperparameterSearch: Hashable, Sendable {
  /// How the settings of trials are chosen.
  public enum Strategy: Hashable, Sendable {
    /// From the ranges' own distributions.
    case random
    /// At random for the first trials, then by the tree-structured Parzen estimator.
    case parzen(randomTrials: Int)
    /// At random; most trials end early.
    case halving(reduction: Int, grace: Double)

    /// The name of the strategy in files and on the command line.
    public var name: String {
      switch self {
      case .random: "random"
      case .parzen: "tpe"
      case .halving: "halving"
      }
    }
  }

  /// What varies.
  public var space: SearchSpace
  /// How it is searched.
  public var strategy: Strategy
  /// The largest number of trials.
  public var trialCount: Int
  /// The seed of the search; runs have their own.
  public var seed: UInt64

  /// Creates a search.
  public init(space: SearchSpace, strategy: Strategy, trialCount: Int, seed: UInt64) {
    self.space = space
    self.strategy = strategy
    self.trialCount = trialCount
    self.seed = seed
  }

  /// The rungs at which trials are compared. Without halving, there is only the end.
  public var schedule: HalvingSchedule {
    if case .halving(let reduction, let grace) = strategy {
      HalvingSchedule(trials: trialCount, reduction: reduction, grace: grace)
    } else {
      HalvingSchedule(trials: trialCount, reduction: .max, grace: 1)
    }
  }

  /// The settings of the next trial: a function of the seed, the number of trials before it, and,
  /// for `parzen`, their order. No point is tried twice.
  ///
  /// - Parameters:
  ///   - tried: the points tried, in the order of their trials.
  ///   - ranked: the same points, the best first.
  /// - Returns: nil if there are enough trials, or no other points.
  package func next(after tried: [[String]], ranked: [[String]]) -> [String]? {
    guard tried.count < trialCount, space.count.map({ tried.count < $0 }) ?? true else {
      return nil
    }
    var generator = SeededGenerator(seed: seed, purpose: "search").split(tried.count)
    let known = Set(tried)
    if case .parzen(let randomTrials) = strategy, tried.count >= max(1, randomTrials),
      let point = ParzenSearch.next(
        in: space, after: ranked, where: { !known.contains($0) }, { generator.uniform() })
    {
      return point
    }
    for _ in 0..<Self.attempts {
      let point = space.point { generator.uniform() }
      if !known.contains(point) { return point }
    }
    return nil
  }

  /// The number of random points among which a new one is looked for.
  private static let attempts = 10_000
}
