import PEFTNetwork

extension Selection {
  /// How a selection by ranking treats a group that no longer fits.
  public enum RankingEnd: Hashable, Sendable {
    /// It stops, so the selection is a prefix of the ranking, as in the paper.
    case atTheFirst
    /// It leaves the group out and continues.
    case never
  }

  /// Takes `groups` in the order of `scores`, highest first, as long as they fit into `budget`
  /// together with the fixed groups.
  ///
  /// There is no bound and no proof. O(K log K). Groups whose score is not positive are not taken,
  /// nor are groups excluded by one already taken. Among equal scores the smaller group comes
  /// first, then the earlier one.
  ///
  /// - Returns: the indices of the selected groups, including the fixed ones, ascending.
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
