import PEFTTensor

/// How much a selection depends on which batches happened to be probed.
public struct SelectionStability: Hashable, Sendable {
  /// For each of the K groups, the fraction of resamples in which it was selected.
  public let frequencies: [Double]
  /// The mean value, over the resamples, of the set selected from all probes.
  public let valueMean: Double
  /// The standard deviation of that value.
  public let valueDeviation: Double
  /// The number of resamples.
  public let resampleCount: Int

  /// Creates a stability from the numbers that a file stores.
  public init(
    frequencies: [Double], valueMean: Double, valueDeviation: Double, resampleCount: Int
  ) {
    self.frequencies = frequencies
    self.valueMean = valueMean
    self.valueDeviation = valueDeviation
    self.resampleCount = resampleCount
  }

  /// Resamples the probes with replacement, and estimates and selects again, `count` times
  /// (Efron's bootstrap). A resample that is hard to solve gets the best selection found early.
  ///
  /// - Returns: nil for fewer than two probes, which cannot be resampled.
  public static func bootstrap(
    _ selection: Selection, records: [ProbeRecord], rule: InfluenceRule,
    aggregation: ProbeAggregation, count: Int = 200, seed: UInt64
  ) throws -> SelectionStability? {
    guard records.count > 1, count > 0 else { return nil }
    var counts = [Int](repeating: 0, count: selection.groups.count)
    var values: [Double] = []
    var generator = SeededGenerator(seed: seed, purpose: "bootstrap")
    for _ in 0..<count {
      let drawn = records.map { _ in
        records[Int(generator.uniform() * Double(records.count))]
      }
      let estimate = InfluenceEstimate(drawn, rule: rule, aggregation: aggregation)
      let resampled = try Selection.solve(
        selection.groups, values: estimate.values, budget: selection.budget, limits: .oneOfMany)
      for index in resampled.outcome.selection { counts[index] += 1 }
      values.append(
        selection.outcome.selection.reduce(0) {
          $0 + (selection.groups[$1].isFixed ? 0 : estimate.values[$1])
        })
    }
    let mean = values.reduce(0, +) / Double(count)
    let spread = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(max(1, count - 1))
    return SelectionStability(
      frequencies: counts.map { Double($0) / Double(count) }, valueMean: mean,
      valueDeviation: spread.squareRoot(), resampleCount: count)
  }
}
