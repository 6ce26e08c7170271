import PEFTData
import PEFTTensor

/// A trial of a search: settings, and how well a run with them did.
public struct SearchTrial: Sendable {
  /// How far a trial has come.
  public enum Ending: String, Hashable, Sendable {
    /// It has been compared with others, and may or may not train further.
    case compared
    /// It trained to its end, all steps or as long as its patience lasted.
    case finished
    /// A loss or gradient was not finite.
    case diverged

    /// The ending in the results of a search, where compared trials train no further.
    var result: String { self == .compared ? "pruned" : rawValue }
  }

  /// An evaluation by which trials are compared.
  public struct Score: Sendable {
    /// The number of steps taken before.
    public let step: Int
    /// The metrics on the dev data.
    public let metrics: [(name: String, value: Double)]

    /// Creates a score.
    package init(step: Int, metrics: [(name: String, value: Double)]) {
      self.step = step
      self.metrics = metrics
    }
  }

  /// The number of the trial, from 1.
  public let number: Int
  /// The value of every setting that varies, in the order of the space.
  public let values: [String]
  /// The scores, one for every rung that it reached; the last of a finished trial is that of its
  /// best step.
  public var scores: [Score] = []
  /// How far it has come.
  public var ending = Ending.compared
  /// The number of steps taken.
  public var steps = 0
  /// The time of its steps in seconds.
  public var seconds = 0.0
  /// The number of trained parameters, including the head.
  public var trainable = 0

  /// A trial that has not begun.
  package init(number: Int, values: [String]) {
    self.number = number
    self.values = values
  }

  /// The last score; nil if it has none, or if it diverged.
  public var score: Score? { ending == .diverged ? nil : scores.last }

  /// Whether nothing is left to train before the rung `rung`, from 0, can be judged.
  func hasReached(_ rung: Int) -> Bool { ending != .compared || scores.count > rung }

  /// The score at a rung: that of its end if it finished before; nil if it diverged before.
  func score(at rung: Int) -> Score? {
    scores.indices.contains(rung) ? scores[rung] : ending == .diverged ? nil : scores.last
  }
}

extension [SearchTrial] {
  /// The trials from the best to the worst. Those that came further are before the others; at equal
  /// metrics, the lower loss decides, then the number.
  func ranked(by metric: PrimaryMetric) -> [SearchTrial] {
    sorted { one, other in
      let (first, second) = (one.standing, other.standing)
      guard first == second, let mine = one.score, let theirs = other.score else {
        return (-first, one.number) < (-second, other.number)
      }
      if metric.isBetter(mine.metrics, than: theirs.metrics) { return true }
      return !metric.isBetter(theirs.metrics, than: mine.metrics) && one.number < other.number
    }
  }

  /// The numbers of the `count` best by their scores at a rung, of trials that trained up to there.
  func best(_ count: Int, at rung: Int, by metric: PrimaryMetric) -> Set<Int> {
    let ranked = compactMap { trial in trial.score(at: rung).map { (trial.number, $0) } }.sorted {
      if metric.isBetter($0.1.metrics, than: $1.1.metrics) { return true }
      return !metric.isBetter($1.1.metrics, than: $0.1.metrics) && $0.0 < $1.0
    }
    return Set(ranked.prefix(count).map(\.0))
  }
}

extension SearchTrial {
  /// How far it came: finished trials are first, then those with more scores; diverged ones are
  /// last.
  fileprivate var standing: Int {
    switch ending {
    case .finished: .max
    case .compared: scores.count
    case .diverged: -1
    }
  }
}
