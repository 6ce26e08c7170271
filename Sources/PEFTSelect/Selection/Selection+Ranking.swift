import PEFTNetwork

extension Selection {
  /// What a walk down a ranking does with a group that no longer fits.
  public enum RankingEnd: Hashable, Sendable {
    /// It ends: the prefix of the ranking (the paper's).
    case atTheFirst
    /// It leaves the group out and goes on.
    case never
  }

  /// Walks down the ranking of `groups` by `scores`, highest first, and takes what fits into
  /// `budget` beside the fixed groups. Without a bound and without a proof; O(K log K).
  ///
  /// Groups whose score is not positive are not taken, nor those that a group taken before
  /// excludes; among equals the smaller one, then the first comes first.
  ///
  /// - Returns: positions of groups, the fixed ones included, ascending.
  public static func ranked(
    _ groups: [ParameterGroup], by scores: [Double], budget: Int, ending: RankingEnd
  ) -> [Int] {
    precondition(
      groups.count == scores.count, "ranked: \(groups.count) groups, \(scores.count) scores")
    var chosen = groups.indices.filter { groups[$0].isFixed }
    var left = budget - chosen.reduce(0) { $0 + groups[$1].parameterCount }
    var classes: Set<Int> = []
    let ranking = groups.indices.filter { !groups[$0].isFixed && scores[$0] > 0 }.sorted {
      (scores[$1], groups[$0].parameterCount, $0) < (scores[$0], groups[$1].parameterCount, $1)
    }
    for index in ranking {
      let group = groups[index]
      if let exclusionClass = group.exclusionClass, classes.contains(exclusionClass) { continue }
      guard group.parameterCount <= left else {
        if ending == .atTheFirst { break }
        continue
      }
      left -= group.parameterCount
      chosen.append(index)
      if let exclusionClass = group.exclusionClass { classes.insert(exclusionClass) }
    }
    return chosen.sorted()
  }
}
