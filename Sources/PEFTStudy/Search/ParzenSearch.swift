/// The tree-structured Parzen estimator (Bergstra, Bardenet, Bengio and Kégl, 2011).
///
/// The best fraction γ of the trials, at least one, has the density l, the others have the density
/// g, each a product over the settings. Of `candidates` points of l, the one with the largest
/// l/g is tried next, because the expected improvement grows with it.
///
/// The paper leaves the number of candidates open; the settings here do not depend on each other,
/// so the tree is one of independent settings.
package enum ParzenSearch {
  /// γ of the paper.
  static let goodShare = 0.15
  /// The number of candidates.
  package static let candidates = 100

  /// The next point.
  ///
  /// - Parameters:
  ///   - ranked: the points tried, the best first.
  ///   - isNew: whether a point may be tried; others are passed over.
  ///   - uniform: gives uniform numbers on [0, 1), one for each setting of each candidate.
  /// - Returns: nil if no candidate may be tried.
  package static func next(
    in space: SearchSpace, after ranked: [[String]],
    where isNew: ([String]) -> Bool = { _ in true },
    _ uniform: () -> Double
  ) -> [String]? {
    let goodCount = max(1, Int((goodShare * Double(ranked.count)).rounded(.up)))
    let densities = space.dimensions.enumerated().map { index, dimension in
      let values = ranked.map { $0[index] }
      return (
        good: ParzenDensity(of: dimension.range, values: Array(values.prefix(goodCount))),
        other: ParzenDensity(of: dimension.range, values: Array(values.dropFirst(goodCount)))
      )
    }
    var best: (values: [String], advantage: Double)?
    for _ in 0..<candidates {
      let values = densities.map { $0.good.value(at: uniform()) }
      let advantage = zip(densities, values).reduce(0) { sum, item in
        sum + item.0.good.logDensity(of: item.1) - item.0.other.logDensity(of: item.1)
      }
      if best.map({ advantage > $0.advantage }) ?? true, isNew(values) {
        best = (values, advantage)
      }
    }
    return best?.values
  }
}
