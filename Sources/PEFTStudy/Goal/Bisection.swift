/// The search for the smallest of `count` sets that reaches a goal, if every set that is larger
/// than one that reaches it does so too: the middle of those in question is tried, log₂(count + 1)
/// of them at most.
///
/// What it finds does not depend on that assumption alone: the set that it finds was tried and
/// reached the goal, and the next smaller one was tried and did not.
package struct Bisection {
  /// No set up to this one is in question.
  private var below = -1
  /// The smallest set that is known to reach the goal, or the number of sets.
  private var least: Int
  private let count: Int

  /// A search among the sets 0 ..< `count`.
  package init(count: Int) {
    self.count = count
    least = count
  }

  /// The largest number of sets that may still have to be tried.
  package var trialLimit: Int { Int.bitWidth - (least - below - 1).leadingZeroBitCount }

  /// The set to try next; nil if the search is over.
  package var next: Int? { least - below > 1 ? (below + least) / 2 : nil }

  /// Records the outcome of `next`.
  package mutating func record(_ index: Int, reaches: Bool) {
    if reaches { least = index } else { below = index }
  }

  /// The smallest set that reached the goal; nil if none did.
  package var smallest: Int? { least < count ? least : nil }
}
