import PEFTNetwork
import PEFTSelect
import PEFTTensor
import Testing

@Suite("Influence estimates")
struct InfluenceEstimateTests {
  private func record(
    _ slopes: [Double], _ curvatures: [Double], accepted: [Bool]? = nil
  ) -> ProbeRecord {
    ProbeRecord(
      exampleCount: 8, slopes: slopes, curvatures: curvatures,
      isAccepted: accepted ?? slopes.map { _ in true })
  }

  @Test("the trust-region value is the best over its steps", arguments: 0..<40)
  func trustRegion(seed: Int) {
    var generator = SeededGenerator(seed: UInt64(seed), purpose: "parabolas")
    let (b, a) = (generator.normal(), 3 * generator.normal())
    let reach = generator.uniform()
    let found = InfluenceRule.trustRegion(reach: reach).best(slope: b, curvature: a)
    let steps = (0...2000).map { reach * Double($0) / 2000 }
    let best = steps.map { b * $0 - 0.5 * a * $0 * $0 }.max() ?? 0
    // A group with a negative slope has value 0 here, whatever its curvature.
    #expect(abs(found.value - (b > 0 ? best : 0)) <= 1e-5 * (abs(b) + abs(a)))
    #expect(found.step >= 0 && found.step <= reach)
  }

  @Test("Newton: b²/2a, and 0 unless the curvature is positive")
  func newton() {
    let found = InfluenceRule.newton.best(slope: 3, curvature: 2)
    #expect(found.step == 1.5 && found.value == 2.25)
    for (slope, curvature) in [(3.0, 0.0), (3, -1), (-3, 2)] {
      #expect(InfluenceRule.newton.best(slope: slope, curvature: curvature).value == 0)
    }
  }

  @Test("a single near-zero curvature dominates the sum, not the ratio of means")
  func heavyTail() {
    let records =
      (0..<9).map { _ in record([1, 1.2], [2, 2]) } + [record([1, 1.2], [1e-6, 2])]
    let ratio = InfluenceEstimate(records, rule: .newton).values
    let sum = InfluenceEstimate(records, rule: .newton, aggregation: .sum).values
    #expect(ratio[0] < ratio[1])
    #expect(sum[0] > 1000 * sum[1])
  }

  @Test("records that the gate refuses by sign still count in the ratio of means, not in the sum")
  func refusedProbes() {
    // Slopes without a consistent sign: the gate passes only the positive half.
    let slopes = [0.5, -0.5, 0.4, -0.4, 0.3, -0.3, 0]
    let records = slopes.map { record([$0], [$0 == 0 ? 0 : 2], accepted: [$0 > 0]) }
    let ratio = InfluenceEstimate(records, rule: .newton).groups[0]
    #expect(abs(ratio.slope) < 1e-12 && abs(ratio.curvature - 2) < 1e-12)
    #expect(ratio.value < 1e-12 && ratio.verdict == .uncertain)
    let sum = InfluenceEstimate(records, rule: .newton, aggregation: .sum).groups[0]
    #expect(abs(sum.value - (0.25 + 0.16 + 0.09) / 4) < 1e-12)
    #expect(abs(sum.slope - 0.4) < 1e-12)
  }

  @Test("a probe of one example, which has no variance, leaves errors finite")
  func loneExamples() {
    func record(_ examples: Int, slope: Double, variance: Double) -> ProbeRecord {
      var record = ProbeRecord(
        exampleCount: examples, slopes: [slope], curvatures: [1], isAccepted: [true])
      record.rows = [[slope], [1], [variance], [variance], [0], [1]]
      return record
    }
    let (large, lone) = (
      record(16, slope: 1, variance: 0.04), record(1, slope: 1, variance: .infinity)
    )
    // For one example the variance is 16 · 0.04; for the mean of 49 it is 1/49 of that.
    let known = InfluenceEstimate([large, large, large, lone], rule: .newton).groups[0]
    #expect(abs(known.slopeError - (0.64 / 49).squareRoot()) < 1e-12)
    #expect(known.valueError.isFinite && known.verdict == .certain)
    let spread = [0.9, 1, 1.1].map { record(1, slope: $0, variance: .infinity) }
    let error = InfluenceEstimate(spread, rule: .newton).groups[0].slopeError
    #expect(abs(error - (0.02 / 9 * 1.5).squareRoot()) < 1e-12)
    #expect(InfluenceEstimate([lone], rule: .newton).groups[0].slopeError == .infinity)
  }

  @Test("verdicts: certain, uncertain, rising, flat, unfitted")
  func verdicts() {
    let slopes: [[Double]] = [
      [1, 0.5, -1, 0, 1], [1.1, -0.6, -1.1, 0, 1], [0.9, 0.4, -0.9, 0, 1], [1, -0.2, -1, 0, 1],
    ]
    let records = slopes.map {
      record($0, [1, 1, 1, 0, 1], accepted: [true, true, true, true, false])
    }
    let groups = InfluenceEstimate(records, rule: .newton).groups
    #expect(groups.map(\.verdict) == [.certain, .uncertain, .rising, .flat, .unfitted])
    #expect(groups[2].value == 0 && groups[3].value == 0 && groups[4].value == 0)
    #expect(groups.allSatisfy { $0.value.isFinite && $0.valueError.isFinite })
  }

  @Test("the error of a value matches the spread of its samples")
  func valueError() {
    var generator = SeededGenerator(seed: 4, purpose: "draws")
    let rule = InfluenceRule.trustRegion(reach: 0.3)
    func draw() -> InfluenceEstimate {
      InfluenceEstimate(
        (0..<20).map { _ in
          let common = generator.normal()
          return record([1 + 0.2 * common], [2 + 0.3 * common + 0.2 * generator.normal()])
        }, rule: rule)
    }
    let estimates = (0..<400).map { _ in draw().groups[0] }
    let values = estimates.map(\.value)
    let mean = values.reduce(0, +) / 400
    let spread = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 399).squareRoot()
    let claimed = estimates.map(\.valueError).reduce(0, +) / 400
    // These probes lack the covariance, which the file's records do not store, so the estimate is
    // an upper one.
    #expect(claimed > 0.8 * spread && claimed < 2 * spread, "\(claimed) for \(spread)")
  }

  @Test("resampling shows how much of a selection is due to chance")
  func bootstrap() throws {
    let groups = (0..<3).map {
      ParameterGroup(
        name: "g\($0)", kind: .bias, layer: nil, parameterCount: 10, members: [.tensor("t\($0)")],
        exclusionClass: nil)
    }
    // The first is always best; the other two alternate in second place.
    let records = (0..<10).map {
      record([5, $0 % 2 == 0 ? 2 : 1, $0 % 2 == 0 ? 1 : 2], [1, 1, 1])
    }
    let estimate = InfluenceEstimate(records, rule: .newton)
    let selection = try Selection.solve(groups, values: estimate.values, budget: 20)
    let stability = try #require(
      try SelectionStability.bootstrap(
        selection, records: records, rule: .newton, aggregation: .ratioOfMeans, seed: 1))
    #expect(stability.frequencies[0] == 1)
    #expect(stability.frequencies[1] > 0.2 && stability.frequencies[1] < 0.8)
    #expect(stability.valueDeviation > 0)
    let alone = try SelectionStability.bootstrap(
      selection, records: Array(records.prefix(1)), rule: .newton, aggregation: .ratioOfMeans,
      seed: 1)
    #expect(alone == nil)
  }
}
