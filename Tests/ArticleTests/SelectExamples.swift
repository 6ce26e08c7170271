import PEFTNetwork
import PEFTSelect
import PEFTTensor
import Testing

/// The examples of PEFTSelect's articles.
@Suite("Examples of PEFTSelect")
struct SelectExamples {
  @Test("objective and probing")
  func probing() throws {
    let objective = Line()
    let grouping = try ParameterGrouping(objective.parameters, by: .tensor)
    var settings = ProbeSettings()
    settings.direction = .gradient
    settings.path = .held(directionBatches: 8)
    settings.probeCount = 4
    settings.interactions = true
    let outcome = probe(
      objective, groupings: [grouping], settings: settings, batch: { Line.batch($0) })[0]
    for (group, slope) in zip(grouping.groups, outcome.records[0].slopes) {
      print(group.name, slope)
    }
    #expect(outcome.records.count == 4 && outcome.records.allSatisfy { $0.slopes[0] > 0 })
    #expect(outcome.interactions?.count == 4 && outcome.isComplete)
  }

  @Test("influence")
  func influence() {
    let rule = InfluenceRule.trustRegion(reach: 0.5)
    let (step, value) = rule.best(slope: 0.8, curvature: 4)  // 0.2 and 0.08, inside the reach
    let limited = rule.best(slope: 0.8, curvature: 1)  // 0.5 and 0.275, at its end
    #expect(abs(step - 0.2) < 1e-12 && abs(value - 0.08) < 1e-12)
    #expect(limited.step == 0.5 && abs(limited.value - 0.275) < 1e-12)

    func probed(_ slopes: [Double], _ curvatures: [Double]) -> ProbeRecord {
      ProbeRecord(
        exampleCount: 32, slopes: slopes, curvatures: curvatures, isAccepted: [true, true, true])
    }
    let records = [
      probed([0.8, 0.3, -0.2], [4, 0, 1]), probed([0.6, -0.4, -0.3], [5, 0.1, 1]),
      probed([0.7, 0.2, -0.3], [6, 0, 1]),
    ]
    let estimate = InfluenceEstimate(records, rule: rule)
    for group in estimate.groups {
      print(group.slope, group.slopeError, group.value, group.verdict)
    }
    // certain, uncertain and rising
    #expect(estimate.groups.map(\.verdict) == [.certain, .uncertain, .rising])

    let agreement = RankCorrelation.kendall(estimate.values, [0.05, 0.01, 0])
    #expect(agreement == 1)
  }

  @Test("knapsack and frontier")
  func knapsack() throws {
    // Two adapters exclude each other; the head is always taken.
    let instance = try KnapsackInstance(
      items: [
        KnapsackItem(weight: 2, value: 0, choice: .forcedIn),
        KnapsackItem(weight: 3, value: 5),
        KnapsackItem(weight: 4, value: 6, exclusionClass: 0),
        KnapsackItem(weight: 8, value: 8, exclusionClass: 0),
      ], capacity: 10)
    let outcome = instance.solve()
    // outcome.selection is [0, 1, 2], of value 11 and weight 9, and proven.
    #expect(outcome.selection == [0, 1, 2] && outcome.value == 11 && outcome.weight == 9)
    #expect(outcome.isProvenOptimal && outcome.upperBound == 11)

    if let frontier = instance.frontier() {
      for (index, point) in frontier.points.enumerated() {
        print(point.weight, point.value, frontier.selection(at: index))
      }
    }
    // 2 0.0 [0], 5 5.0 [0, 1], 6 6.0 [0, 2], 9 11.0 [0, 1, 2], 13 13.0 [0, 1, 3]
    #expect(instance.frontier()?.points.map(\.weight) == [2, 5, 6, 9, 13])

    var limits = KnapsackLimits()
    limits.seconds = 1
    let quick = instance.solve(using: .greedy, limits: limits)
    let gap = quick.upperBound - quick.value
    #expect(gap >= 0)
  }

  @Test("selection")
  func selection() throws {
    func group(_ name: String, _ kind: ParameterKind, _ count: Int) -> ParameterGroup {
      ParameterGroup(
        name: name, kind: kind, layer: nil, parameterCount: count, members: [.tensor(name)],
        exclusionClass: nil)
    }
    let groups = [
      group("attention", .attention, 4000), group("norm", .norm, 60), group("bias", .bias, 90),
      group("head", .head, 20),
    ]
    func probed(_ slopes: [Double]) -> ProbeRecord {
      ProbeRecord(
        exampleCount: 32, slopes: slopes, curvatures: [2, 2, 2, 2],
        isAccepted: slopes.map { _ in true })
    }
    let records = [
      probed([0.9, 0.40, 0.39, 1]), probed([0.8, 0.39, 0.42, 1]), probed([0.7, 0.44, 0.41, 1]),
    ]
    let rule = InfluenceRule.trustRegion(reach: 0.1)
    let values = InfluenceEstimate(records, rule: rule).values
    let selection = try Selection.solve(groups, values: values, budget: 120)
    print(selection.chosen.map(\.name), selection.outcome.isProvenOptimal)
    #expect(selection.chosen.last?.name == "head" && selection.chosen.count == 2)

    let grouping = (groups: groups, count: groups.count)
    let interactions = (0..<16).map { $0 % 5 == 0 ? 2.0 : 0 }
    let efficiency = StepEfficiency(
      records, interactions: interactions, ridge: Array(repeating: 0, count: grouping.count))
    for set in UniformSet.all(of: grouping.groups) {
      print(set.name, set.parameterCount, efficiency?.value(of: set.groups) ?? 0)
    }
    #expect(abs((efficiency?.value(of: [1]) ?? 0) - 0.41 / 2.0.squareRoot()) < 1e-12)

    let stability = try SelectionStability.bootstrap(
      selection, records: records, rule: rule, aggregation: .ratioOfMeans, seed: 1)
    print(stability?.frequencies ?? [])  // near ½ for what chance decides
    #expect(stability?.frequencies.last == 1)

    // The first two groups do the same job, the third another one.
    let model = InteractionModel(
      slopes: [1, 1, 1], interactions: [2, 2, 0, 2, 2, 0, 0, 0, 4], ridge: [0, 0, 0])
    let together = model.value(of: [0, 1])  // ¼, as one of them alone
    let apart = model.value(of: [0, 2])  // ¼ + ⅛
    let best = InteractingSelection(
      model, weights: [10, 10, 10], classes: [nil, nil, nil], excluded: [], capacity: 20
    ).solve()
    // best.selection is [0, 2], while the sum of values would take [0, 1].
    #expect(abs(together - 0.25) < 1e-6 && abs(apart - 0.375) < 1e-6)
    #expect(best.selection == [0, 2] && best.isProven)
  }
}

/// z = W x + b under squared error.
struct Line: Objective {
  struct Batch {
    let inputs: Tensor
    let values: [Double]
  }

  let weight = Parameter(name: "weight", value: Tensor(zeros: [1, 2]))
  let bias = Parameter(name: "bias", value: Tensor(zeros: [1]))

  var parameters: [ModelParameter] {
    [
      ModelParameter(weight, kind: .feedForward, place: "layer.0", role: "weight", stage: 0),
      ModelParameter(bias, kind: .bias, place: "layer.0", role: "bias", stage: 0),
    ]
  }

  var stageCount: Int { 1 }

  func stage(_ index: Int, _ input: Variable?, of batch: Batch, on tape: Tape) -> Variable {
    let x = Variable(
      constant: batch.inputs, partition: RowPartition(examples: batch.values.count))
    return tape.linear(x, weight: weight, bias: bias)
  }

  func targets(of batch: Batch) -> Targets { .values(batch.values) }

  /// Batch `number` of y = 2 x₀ − x₁ + ½.
  static func batch(_ number: Int) -> Batch {
    var draws = SeededGenerator(seed: 1, purpose: "data").split(number)
    let inputs = Tensor(normal: [32, 2], standardDeviation: 1, using: &draws)
    let values = (0..<32).map { Double(2 * inputs[$0, 0] - inputs[$0, 1]) + 0.5 }
    return Batch(inputs: inputs, values: values)
  }
}
