import PEFTData

/// The runs that trained subsets of a problem's groups, with one seed.
struct SubsetScores {
  /// A run.
  struct Subset {
    /// The groups that trained, by name; none for the head alone.
    let names: Set<String>
    /// Parameters that trained.
    let trainable: Int
    /// The score on the dev data; more is better.
    let score: Double
    /// The loss on the dev data.
    let loss: Double

    var label: String { names.isEmpty ? "none" : names.sorted().joined(separator: " + ") }
  }

  let subsets: [Subset]

  /// Whether the falls of the dev loss add up.
  struct Additivity {
    /// Spearman's correlation of a subset's fall with the sum of its groups' falls, over subsets of
    /// two and more.
    let correlation: Double
    /// The median of fall by sum.
    let ratio: Double
    /// The number of subsets.
    let count: Int
  }

  /// A selection among the subsets.
  struct Place {
    let chosen: Subset
    /// The best subset under the budget.
    let best: Subset
    /// The place of the selection among the subsets that fit, from 1.
    let rank: Int
    /// How many fit.
    let count: Int
  }

  /// The place of the set of these groups among all that fit; nil where it was not trained.
  func place(of names: [String], limit: Int) -> Place? {
    let fitting = subsets.filter { $0.trainable <= limit }
    guard let chosen = fitting.first(where: { $0.names == Set(names) }),
      let best = fitting.max(by: { ($0.score, -$0.loss) < ($1.score, -$1.loss) })
    else { return nil }
    return Place(
      chosen: chosen, best: best, rank: 1 + fitting.count { $0.score > chosen.score },
      count: fitting.count)
  }

  /// Falls of the loss against their sums; nil for less than three sets of several groups.
  var additivity: Additivity? {
    guard let base = subsets.first(where: { $0.names.isEmpty })?.loss else { return nil }
    var single: [String: Double] = [:]
    for subset in subsets where subset.names.count == 1 {
      if let name = subset.names.first { single[name] = base - subset.loss }
    }
    let pairs = subsets.filter { $0.names.count > 1 }.compactMap { subset in
      // Without a result of each alone there is no sum.
      let falls = subset.names.sorted().compactMap { single[$0] }
      return falls.count == subset.names.count
        ? (fall: base - subset.loss, sum: falls.reduce(0, +)) : nil
    }
    guard pairs.count > 2 else { return nil }
    let ratios = pairs.filter { $0.sum > 0 }.map { $0.fall / $0.sum }.sorted()
    return Additivity(
      correlation: RegressionMetrics(
        predictions: pairs.map(\.fall), targets: pairs.map(\.sum), loss: 0
      ).spearman,
      ratio: ratios.isEmpty ? .nan : ratios[ratios.count / 2], count: pairs.count)
  }
}
