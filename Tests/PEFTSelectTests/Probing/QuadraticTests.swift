import PEFTNetwork
import PEFTSelect
import PEFTTensor
import Testing

/// On a quadratic, all results are known exactly.
@Suite("Probes on a quadratic")
struct QuadraticTests {
  private let objective = LinearObjective(weights: [0.5, 0.25, -1], bias: 0.125)
  private let direction: (weights: [Double], bias: Double) = ([0.75, -0.5, 1], -0.25)

  private var directions: [Parameter: Tensor] {
    [
      objective.weight: Tensor(direction.weights.map(Float.init), shape: [1, 3]),
      objective.bias: Tensor([Float(direction.bias)], shape: [1]),
    ]
  }

  private func grouping() throws -> ParameterGrouping {
    try ParameterGrouping(objective.parameters, by: .tensor)
  }

  private func expectExact(_ record: ProbeRecord, _ batch: LinearObjective.Batch, tolerance: Double)
  {
    let parts = [
      objective.exact(batch, weights: direction.weights, bias: 0),
      objective.exact(batch, weights: [0, 0, 0], bias: direction.bias),
    ]
    for (group, part) in parts.enumerated() {
      #expect(abs(record.slopes[group] - part.slope) < tolerance * abs(part.slope))
      #expect(abs(record.curvatures[group] - part.curvature) < tolerance * abs(part.curvature))
    }
  }

  @Test("the one-walk probe is exact", arguments: 1...5 as ClosedRange<UInt64>)
  func oneWalk(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed, purpose: "data")
    let batch = LinearObjective.batch(40, using: &generator)
    let result = OneWalkProbe()(
      objective, batch, along: directions, groupings: [try grouping()], interactions: true,
      generator: generator)[0]
    expectExact(result.record, batch, tolerance: 2e-6)
    let both = objective.exact(batch, weights: direction.weights, bias: direction.bias)
    let matrix = try #require(result.interactions)
    #expect(abs(matrix.reduce(0, +) - both.curvature) < 1e-5 * both.curvature)
  }

  @Test("the agreement of gradients is the cosine that the means of two halves have")
  func agreement() throws {
    /// The agreement, and the cosine of two other means of as many batches as a half has.
    func measured(_ seed: UInt64, noise: Double) throws -> (agreement: Double, cosine: Double) {
      var generator = SeededGenerator(seed: seed, purpose: "data")
      let batches = (0..<48).map { _ -> LinearObjective.Batch in
        let batch = LinearObjective.batch(8, using: &generator)
        return LinearObjective.Batch(
          inputs: batch.inputs, values: batch.values.map { $0 + noise * generator.normal() })
      }
      var settings = ProbeSettings()
      (settings.path, settings.probeCount) = (.held(directionBatches: 24), 1)
      let grouping = try grouping()
      var events: [Double] = []
      let outcome = probe(
        objective, groupings: [grouping], settings: settings, batch: { batches[$0] },
        observe: { event in
          if case .agreement(let value?) = event { events.append(value) }
          return true
        })[0]
      #expect(events.count == 2 && events.last == outcome.agreement)
      func gradient(_ batch: LinearObjective.Batch) -> [Double] {
        (0..<4).map { axis in
          var unit = [0.0, 0, 0]
          if axis < 3 { unit[axis] = 1 }
          return objective.exact(batch, weights: unit, bias: axis == 3 ? 1 : 0).slope
        }
      }
      func mean(_ range: Range<Int>) -> [Double] {
        batches[range].map(gradient).reduce([0, 0, 0, 0]) { zip($0, $1).map(+) }
          .map { $0 / Double(range.count) }
      }
      func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
      let (left, right) = (mean(24..<36), mean(36..<48))
      let cosine = dot(left, right) / (dot(left, left) * dot(right, right)).squareRoot()
      // After eight of the 24 batches, what is expected of all of them.
      let square = batches[0..<8].map(gradient).reduce(0) { $0 + dot($1, $1) } / 8
      let signal = max(0, (8 * dot(mean(0..<8), mean(0..<8)) - square) / 7)
      #expect(abs(events[0] - signal / (signal + (square - signal) / 12)) < 1e-4)
      return (try #require(outcome.agreement), cosine)
    }
    for noise in [0.5, 10, 30] {
      let found = try (1...60).map { try measured($0, noise: noise) }
      let agreement = found.reduce(0) { $0 + $1.agreement } / 60
      let cosine = found.reduce(0) { $0 + $1.cosine } / 60
      #expect(abs(agreement - cosine) < 0.12, "noise \(noise): \(agreement), \(cosine)")
    }
  }

  @Test("a probe that was stopped when its gradients were judged judges them again")
  func judgedAgain() throws {
    var generator = SeededGenerator(seed: 1, purpose: "data")
    let batches = (0..<17).map { _ in LinearObjective.batch(8, using: &generator) }
    var settings = ProbeSettings()
    (settings.path, settings.probeCount) = (.held(directionBatches: 16), 1)
    let grouping = try grouping()
    var saved: ProbeState?
    /// The agreements that are reported, until `isStopped` of the first.
    func judged(isStopped: Bool) -> [Double?] {
      var found: [Double?] = []
      _ = probe(
        objective, groupings: [grouping], settings: settings, from: saved,
        batch: { batches[$0] }, save: { saved = $0 },
        observe: { event in
          guard case .agreement(let value) = event else { return true }
          found.append(value)
          return !isStopped
        })
      return found
    }
    let first = judged(isStopped: true)
    #expect(first.count == 1 && saved?.directionBatches == 8)
    let again = judged(isStopped: false)
    #expect(again.count == 2 && again.first == first.first)
  }

  @Test("the fit is exact, and its standard errors say so", arguments: 1...5 as ClosedRange<UInt64>)
  func fit(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed, purpose: "data")
    let batch = LinearObjective.batch(40, using: &generator)
    var fit = LossFit()
    fit.reach = 0.2
    let record = FitProbe(fit)(
      objective, batch, along: directions, grouping: try grouping(), generator: generator)
    expectExact(record, batch, tolerance: 1e-3)
    for group in 0..<2 {
      #expect(record.slopeVariances[group].squareRoot() < 1e-3 * abs(record.slopes[group]))
    }
  }

  @Test("least squares equals the closed form of the four points")
  func closedForm() throws {
    var generator = SeededGenerator(seed: 7, purpose: "losses")
    for h in [1e-6, 1e-3, 1, 1e4] {
      let changes = (0..<4).map { _ in generator.normal() }
      let parabola = try #require(
        LossFit().fit(steps: [-2, -1, 1, 2].map { $0 * h }, changes: changes))
      let (down2, down1, up1, up2) = (changes[0], changes[1], changes[2], changes[3])
      let slope = -(2 * (up2 - down2) + (up1 - down1)) / (10 * h)
      let curvature = (4 * (up2 + down2) + (up1 + down1)) / (17 * h * h)
      #expect(abs(parabola.slope - slope) < 1e-12 * abs(slope))
      #expect(abs(parabola.curvature - curvature) < 1e-12 * abs(curvature))
    }
  }

  @Test("a curvature within the noise is refused, whatever R² is, and a larger one is accepted")
  func curvatureGate() throws {
    var generator = SeededGenerator(seed: 3, purpose: "gate")
    let (fit, steps) = (LossFit(), [-2.0, -1, 1, 2])
    func accepted(curvature: Double) throws -> Int {
      try (0..<1000).count { _ in
        let changes = steps.map { -$0 + 0.5 * curvature * $0 * $0 + 0.01 * generator.normal() }
        let parabola = try #require(fit.fit(steps: steps, changes: changes))
        #expect(parabola.determination > 0.99)
        return fit.accepts(parabola)
      }
    }
    // The test accepts 5 of a hundred; the standard error is 0.7 of a hundred.
    #expect((25...75).contains(try accepted(curvature: 0)))
    // 0.2 is 40 times the noise of a curvature, 0.02 / √17.
    #expect(try accepted(curvature: 0.2) > 990)
  }

  @Test("fewer than three points are refused, because they fit any noise")
  func tooFewPoints() {
    #expect(LossFit(multipliers: [-1, 1]) == nil)
    #expect(LossFit(multipliers: [-1, 1, 1]) == nil)
    #expect(LossFit(multipliers: [-1, 0, 1]) == nil)
    #expect(LossFit(multipliers: [-1, 1, .nan]) == nil)
    #expect(LossFit(multipliers: [-1, 1, 2]) != nil)
  }

  @Test("standard errors cover: the true slope and curvature lie within two of them")
  func coverage() throws {
    var generator = SeededGenerator(seed: 21, purpose: "coverage")
    let population = LinearObjective.batch(200_000, using: &generator)
    let truth = objective.exact(population, weights: direction.weights, bias: 0)
    let grouping = try grouping()
    var hits = (slope: 0, curvature: 0)
    let repetitions = 300
    for _ in 0..<repetitions {
      let records = (0..<4).map { _ in
        OneWalkProbe()(
          objective, LinearObjective.batch(32, using: &generator), along: directions,
          groupings: [grouping], interactions: false, generator: generator)[0].record
      }
      let group = InfluenceEstimate(records, rule: .newton).groups[0]
      if abs(group.slope - truth.slope) < 2 * group.slopeError { hits.slope += 1 }
      if abs(group.curvature - truth.curvature) < 2 * group.curvatureError { hits.curvature += 1 }
    }
    let slope = Double(hits.slope) / Double(repetitions)
    let curvature = Double(hits.curvature) / Double(repetitions)
    #expect((0.92...0.995).contains(slope), "slope covered in \(slope)")
    #expect((0.88...0.995).contains(curvature), "curvature covered in \(curvature)")
  }

  @Test("a whole probe leaves every byte unchanged", arguments: [false, true])
  func leavesNoTrace(isTraining: Bool) throws {
    let before = (objective.weight.value.elements, objective.bias.value.elements)
    objective.bias.trains = .none
    var settings = ProbeSettings()
    settings.estimator = isTraining ? .fit(LossFit()) : .oneWalk
    settings.path =
      isTraining
      ? .training(steps: 8, period: 2, learningRate: 0.1) : .held(directionBatches: 4)
    settings.probeCount = 3
    let outcome = probe(objective, groupings: [try grouping()], settings: settings) { index in
      var generator = SeededGenerator(seed: 5, purpose: "batches").split(index)
      return LinearObjective.batch(16, using: &generator)
    }[0]
    #expect(outcome.records.count == (isTraining ? 4 : 3))
    #expect(outcome.isComplete)
    #expect(before.0 == objective.weight.value.elements)
    #expect(before.1 == objective.bias.value.elements)
    #expect(objective.weight.isTrainable && !objective.bias.isTrainable)
  }

  @Test(
    "a loss that is not finite ends a probe, which reports the batch", arguments: [false, true])
  func divergence(isTraining: Bool) throws {
    var settings = ProbeSettings()
    settings.path =
      isTraining
      ? .training(steps: 8, period: 2, learningRate: 0.1) : .held(directionBatches: 4)
    // The third batch; along a training run, one batch was probed before it.
    let broken = isTraining ? 3 : 2
    let outcome = probe(objective, groupings: [try grouping()], settings: settings) { index in
      if index == broken { objective.weight.value = Tensor([1, .nan, 1], shape: [1, 3]) }
      var generator = SeededGenerator(seed: 5, purpose: "batches").split(index)
      return LinearObjective.batch(16, using: &generator)
    }[0]
    #expect(outcome.divergedStep == 3 && !outcome.isComplete)
    #expect(outcome.records.count == (isTraining ? 1 : 0))
  }

  @Test("with the gradient as direction on its own batch, the slope is its squared norm")
  func squaredNorm() throws {
    var settings = ProbeSettings()
    settings.direction = .gradient
    settings.probeBatches = .same
    settings.path = .held(directionBatches: 1)
    let outcome = probe(objective, groupings: [try grouping()], settings: settings) { index in
      var generator = SeededGenerator(seed: 6, purpose: "batches").split(index)
      return LinearObjective.batch(16, using: &generator)
    }[0]
    for group in 0..<2 {
      let norm = outcome.predictors.gradientNorm[group]
      #expect(norm > 0)
      #expect(abs(outcome.records[0].slopes[group] - norm) < 1e-5 * norm)
      #expect(abs(outcome.predictors.fisher[group] - norm) < 1e-5 * norm)
    }
  }
}
