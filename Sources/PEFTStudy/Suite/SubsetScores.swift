import PEFTData
import PEFTModels
import PEFTTrain

/// The runs of all subsets of a problem's groups.
package struct SubsetScores {
  /// The probe whose groups they are of; nil where no subsets were trained.
  package let probe: String?
  /// The problem.
  package let problem: String
  private let subsets:
    [(names: Set<String>, label: String, trainable: Int, score: Double, loss: Double)]

  package init(_ results: SuiteResults, problem: String) {
    self.problem = problem
    var probe: String?
    var subsets: [(Set<String>, String, Int, Double, Double)] = []
    for entry in results.entries where entry.row.problem == problem {
      guard case .subset(let names, let name) = entry.row.content else { continue }
      probe = name
      guard let score = results.scores(entry, on: "dev")?.first,
        let loss = entry.values("loss", on: "dev")?.first
      else { continue }
      let label = names.isEmpty ? "none" : names.joined(separator: " + ")
      subsets.append((Set(names), label, entry.trainable, score, loss))
    }
    self.probe = probe
    self.subsets = subsets.map { ($0.0, $0.1, $0.2, $0.3, $0.4) }
  }

  /// Where the set of these groups stands among all that fit; nil where it was not trained.
  package func choice(_ names: [String], probe: String, budget: Double, limit: Int) -> SuiteClaims
    .Choice?
  {
    let fitting = subsets.filter { $0.trainable <= limit }
    guard let chosen = fitting.first(where: { $0.names == Set(names) }),
      let best = fitting.max(by: { ($0.score, -$0.loss) < ($1.score, -$1.loss) })
    else { return nil }
    return SuiteClaims.Choice(
      problem: problem, probe: probe, budget: budget, chosen: chosen.label, score: chosen.score,
      best: best.label, bestScore: best.score,
      rank: 1 + fitting.count { $0.score > chosen.score }, count: fitting.count)
  }

  /// Falls of the loss against their sums; nil for less than three sets of several groups.
  package var additivity: SuiteClaims.Additivity? {
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
    return SuiteClaims.Additivity(
      problem: problem,
      correlation: RegressionMetrics(
        predictions: pairs.map(\.fall), targets: pairs.map(\.sum), loss: 0
      ).spearman,
      ratio: ratios.isEmpty ? .nan : ratios[ratios.count / 2], count: pairs.count)
  }
}
