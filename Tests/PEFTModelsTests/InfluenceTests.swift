import PEFTModels
import PEFTNetwork
import PEFTSelect
import PEFTTensor
import Testing

/// Compares the one-walk probe on whole encoders with forward mode and with gradients.
@Suite("Influence of encoders")
struct InfluenceTests {
  struct Case: CustomTestStringConvertible, Sendable {
    let fixture: String
    let rule: GroupingRule
    var rank: Int?
    var elements: [Int] = []
    var testDescription: String { "\(fixture) by \(rule.name) \(candidates?.description ?? "")" }
    var candidates: AdapterCandidates? {
      rank == nil && elements.isEmpty
        ? nil : AdapterCandidates(ranks: rank.map { [1, $0] } ?? [], elements: elements)
    }
  }

  static let patterns: [GroupingRule.NamedPatterns] = [
    .init(name: "low", patterns: ["*.layer.0.*", "*embeddings*"]),
    .init(name: "rest", patterns: ["*.layer.1.*", "*pooler*"]),
  ]

  static let cases: [Case] =
    ["roberta", "bert", "bert-regression", "bert-gelu-tanh", "bert-labels", "mpnet"].flatMap {
      fixture in
      [GroupingRule.kind, .kindByLayer, .tensor, .row].map { Case(fixture: fixture, rule: $0) }
    } + [
      Case(fixture: "roberta", rule: .patterns(patterns)),
      Case(fixture: "bert", rule: .kindByLayer, rank: 3),
      Case(fixture: "roberta", rule: .tensor, rank: 2),
      Case(fixture: "mpnet", rule: .kindByLayer, rank: 3),
      Case(fixture: "xlm-roberta", rule: .kindByLayer),
      Case(fixture: "camembert", rule: .kindByLayer, rank: 2),
      Case(fixture: "distilbert", rule: .tensor), Case(fixture: "distilbert-odd", rule: .row),
      Case(fixture: "electra", rule: .kindByLayer, rank: 3),
      Case(fixture: "electra", rule: .tensor),
      Case(fixture: "modernbert", rule: .kindByLayer, rank: 3),
      Case(fixture: "albert", rule: .kindByLayer, rank: 3), Case(fixture: "albert", rule: .row),
      Case(fixture: "albert-groups", rule: .tensor),
      Case(fixture: "modernbert", rule: .row), Case(fixture: "modernbert-odd", rule: .tensor),
      Case(fixture: "roberta", rule: .kindByLayer, elements: [1, 7, 40]),
      Case(fixture: "bert", rule: .kindByLayer, rank: 2, elements: [5]),
    ]

  private func objective(
    _ fixture: ParityFixture, rank: Int?, shape: LossShape = .plain
  ) throws -> (ModelObjective, Batch) {
    let model = try fixture.model()
    if let rank {
      let targets = [
        "query", "key", "value", "attention.output.dense", "intermediate.dense", "q", "k", "v", "o",
        "Wqkv", "Wi",
      ]
      LowRankAdaptation(rank: rank, targets: targets).attach(
        to: model, using: SeededGenerator(seed: 5, purpose: "factors"))
    }
    for entry in model.parameters { entry.parameter.trains = .all }
    return (
      ModelObjective(model, lossShape: shape),
      Batch(texts: fixture.batch, targets: fixture.targets)
    )
  }

  private func directions(_ objective: ModelObjective) -> [Parameter: Tensor] {
    Dictionary(
      uniqueKeysWithValues: objective.parameters.map { entry in
        var draws = SeededGenerator(seed: 11, purpose: entry.parameter.name)
        return (
          entry.parameter,
          Tensor(normal: entry.parameter.shape, standardDeviation: 0.1, using: &draws)
        )
      })
  }

  @Test("equals forward mode: slopes, curvatures, variances, interactions", arguments: cases)
  func equalsForwardMode(_ item: Case) throws {
    let fixture = try ParityFixture(item.fixture)
    let (objective, batch) = try objective(fixture, rank: item.rank)
    let grouping = try ParameterGrouping(
      objective.parameters, by: item.rule,
      candidates: item.candidates)
    let directions = directions(objective)
    let elements = Dictionary(
      uniqueKeysWithValues: objective.parameters.map {
        ($0.parameter, ($0.parameter.value.largestPositions(40)))
      })
    let walked = OneWalkProbe()(
      objective, batch, along: directions, elements: elements, groupings: [grouping],
      interactions: true,
      generator: SeededGenerator(seed: 1, purpose: "unused"))[0]
    let expected = ForwardTangentProbe()(
      objective, batch, along: directions, elements: elements, grouping: grouping,
      interactions: true)
    for (name, part) in [
      ("slopes", \ProbeRecord.slopes), ("curvatures", \.curvatures),
      ("slope variances", \.slopeVariances), ("curvature variances", \.curvatureVariances),
    ] {
      let error = relativeError(walked.record[keyPath: part], expected.record[keyPath: part])
      #expect(error < 1e-5, "\(name): \(error)")
    }
    let (mine, theirs) = (walked.interactions, expected.interactions)
    #expect(relativeError(try #require(mine), try #require(theirs)) < 1e-5)
    #expect(walked.record.curvatures.allSatisfy { $0 >= 0 })
  }

  @Test("several rules at once give the same as each alone")
  func severalRules() throws {
    let fixture = try ParityFixture("bert")
    let (objective, batch) = try objective(fixture, rank: nil)
    let directions = directions(objective)
    let generator = SeededGenerator(seed: 1, purpose: "unused")
    let groupings = try [GroupingRule.kind, .row, .tensor].map {
      try ParameterGrouping(objective.parameters, by: $0)
    }
    let together = OneWalkProbe()(
      objective, batch, along: directions, groupings: groupings, interactions: false,
      generator: generator)
    for (grouping, result) in zip(groupings, together) {
      let alone = OneWalkProbe()(
        objective, batch, along: directions, groupings: [grouping], interactions: false,
        generator: generator)[0]
      #expect(relativeError(result.record.slopes, alone.record.slopes) < 1e-5)
    }
  }

  @Test(
    "slopes are gradient times direction",
    arguments: [
      "roberta", "bert", "bert-regression", "bert-labels", "mpnet", "distilbert", "electra",
      "modernbert",
    ])
  func slopesAreInnerProducts(_ name: String) throws {
    let fixture = try ParityFixture(name)
    let (objective, batch) = try objective(fixture, rank: nil)
    let directions = directions(objective)
    let gradients = GradientAccumulator()
    _ = fixture.loss(objective.model, into: gradients)
    let grouping = try ParameterGrouping(objective.parameters, by: .tensor)
    let record = OneWalkProbe()(
      objective, batch, along: directions, groupings: [grouping], interactions: false,
      generator: SeededGenerator(seed: 1, purpose: "unused"))[0].record
    var expected = [Double](repeating: 0, count: grouping.count)
    for (entry, assignment) in zip(objective.parameters, grouping.assignments) {
      guard case .whole(let group) = assignment else { continue }
      let gradient = try #require(gradients[entry.parameter])
      expected[group] += gradient.dot(try #require(directions[entry.parameter]))
    }
    #expect(relativeError(record.slopes, expected) < 1e-5)
  }

  /// Class weights, and a focal loss with them.
  static let shapes = [
    LossShape(labelSmoothing: 0.1, classWeights: [0.5, 2, 3]),
    LossShape(classWeights: [0.5, 2, 3], focusing: 2),
  ]

  @Test(
    "losses with weights: one walk equals forward mode, and slopes are those of the loss",
    arguments: shapes)
  func shaped(_ shape: LossShape) throws {
    let fixture = try ParityFixture("bert")
    let (objective, batch) = try objective(fixture, rank: nil, shape: shape)
    let grouping = try ParameterGrouping(objective.parameters, by: .kindByLayer)
    let directions = directions(objective)
    let generator = SeededGenerator(seed: 1, purpose: "unused")
    let walked = OneWalkProbe()(
      objective, batch, along: directions, groupings: [grouping], interactions: true,
      generator: generator)[0]
    let forward = ForwardTangentProbe()(
      objective, batch, along: directions, grouping: grouping, interactions: true)
    #expect(relativeError(walked.record.slopes, forward.record.slopes) < 1e-5)
    #expect(relativeError(walked.record.curvatures, forward.record.curvatures) < 1e-5)
    #expect(
      relativeError(
        try #require(walked.interactions), try #require(forward.interactions)) < 1e-5)
    var fit = LossFit()
    fit.reach = 1e-4
    let fitted = FitProbe(fit)(
      objective, batch, along: directions, grouping: grouping, generator: generator)
    #expect(relativeError(fitted.slopes, walked.record.slopes) < 1e-2)
  }

  @Test(
    "sampled labels give the exact curvature on average, and the same slopes",
    arguments: [
      ("bert", LossShape.plain), ("bert", shapes[0]), ("bert", shapes[1]), ("bert-labels", .plain),
    ])
  func sampledFisher(name: String, shape: LossShape) throws {
    let fixture = try ParityFixture(name)
    let (objective, batch) = try objective(fixture, rank: nil, shape: shape)
    let directions = directions(objective)
    let grouping = try ParameterGrouping(objective.parameters, by: .kindByLayer)
    func record(limit: Int, samples: Int) -> ProbeRecord {
      OneWalkProbe(exactClassLimit: limit, sampleCount: samples)(
        objective, batch, along: directions, groupings: [grouping], interactions: false,
        generator: SeededGenerator(seed: 3, purpose: "labels"))[0].record
    }
    let exact = record(limit: 16, samples: 0)
    let sampled = record(limit: 1, samples: 400)
    #expect(relativeError(sampled.slopes, exact.slopes) < 1e-5)
    #expect(relativeError(sampled.curvatures, exact.curvatures) < 0.15)
  }

  @Test(
    "the fit agrees on slopes, from any starting stage",
    arguments: ["bert", "roberta", "mpnet", "modernbert"])
  func fitAgrees(_ name: String) throws {
    let fixture = try ParityFixture(name)
    let (objective, batch) = try objective(fixture, rank: nil)
    let directions = directions(objective)
    let grouping = try ParameterGrouping(objective.parameters, by: .kindByLayer)
    let generator = SeededGenerator(seed: 1, purpose: "unused")
    let before = objective.parameters.map { $0.parameter.value.elements }
    let walked = OneWalkProbe()(
      objective, batch, along: directions, groupings: [grouping], interactions: false,
      generator: generator)[0].record
    // The direction is random and the model strongly curved, so a larger reach would meet the
    // third-order term.
    var fit = LossFit()
    fit.reach = 1e-4
    let fitted = FitProbe(fit)(
      objective, batch, along: directions, grouping: grouping, generator: generator)
    #expect(relativeError(fitted.slopes, walked.slopes) < 1e-2)
    for (entry, elements) in zip(objective.parameters, before) {
      #expect(entry.parameter.value.elements == elements, "\(entry.parameter.name)")
      #expect(entry.parameter.isTrainable)
    }
  }

  @Test(
    "a step as small as a learning rate loses the curvature but keeps R²; the chosen step does not")
  func cancellation() throws {
    let fixture = try ParityFixture("bert")
    let (objective, batch) = try objective(fixture, rank: nil)
    let directions = directions(objective).mapValues { direction in
      var scaled = Tensor(zeros: direction.shape)
      scaled.add(direction, scaledBy: 10)
      return scaled
    }
    let grouping = try ParameterGrouping(objective.parameters, by: .kindByLayer)
    func record(step: Double?) -> ProbeRecord {
      var fit = LossFit()
      fit.step = step
      return FitProbe(fit)(
        objective, batch, along: directions, grouping: grouping,
        generator: SeededGenerator(seed: 1, purpose: "unused"))
    }
    let (tiny, chosen) = (record(step: 2e-5), record(step: nil))
    // For a curvature that is pure noise, the error relative to itself would be about one half.
    func noise(_ record: ProbeRecord) -> Double {
      let ratios = grouping.groups.indices.map {
        record.curvatureVariances[$0].squareRoot() / abs(chosen.curvatures[$0])
      }.filter(\.isFinite).sorted()
      return ratios[ratios.count / 2]
    }
    #expect(noise(tiny) > 10 * noise(chosen), "\(noise(tiny)) and \(noise(chosen))")
  }

  @Test("a batch of one class, and a direction that is zero")
  func degenerate() throws {
    let fixture = try ParityFixture("roberta")
    let (objective, batch) = try objective(fixture, rank: nil)
    let grouping = try ParameterGrouping(objective.parameters, by: .tensor)
    var directions = directions(objective)
    let still = objective.parameters[3].parameter
    directions[still] = Tensor(zeros: still.shape)
    let oneClass = Batch(
      texts: batch.texts, targets: .classes(Array(repeating: 0, count: batch.targets.count)))
    let record = OneWalkProbe()(
      objective, oneClass, along: directions, groupings: [grouping], interactions: false,
      generator: SeededGenerator(seed: 1, purpose: "unused"))[0].record
    let numbers = record.slopes + record.curvatures + record.slopeVariances
    #expect(numbers.allSatisfy { $0.isFinite })
    let position = try #require(grouping.groups.firstIndex { $0.name == still.name })
    #expect(record.slopes[position] == 0 && record.curvatures[position] == 0)
    let estimate = InfluenceEstimate([record], rule: .newton).groups[position]
    #expect(estimate.verdict == .flat && estimate.value == 0)
  }

  private func relativeError(_ values: [Double], _ expected: [Double]) -> Double {
    let difference = zip(values, expected).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    let size = expected.reduce(0) { $0 + $1 * $1 }
    return values.count == expected.count && size > 0
      ? (difference / size).squareRoot() : .infinity
  }
}
