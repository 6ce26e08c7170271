import Foundation
import PEFTModels
import PEFTNetwork
import PEFTSelect
import PEFTTensor

/// Selects the groups to train from the results of a probe.
public struct Planner {
  /// The results of the probe.
  public let influence: Influence
  /// The groups to choose from: those of the probed model, or of a larger one.
  public let groups: [ParameterGroup]
  /// The values of the groups.
  public let values: [Double]
  private let valueRule: String
  /// The rule for valuing resamples of the probes; nil if the values do not come from the probes.
  private let resampledRule: InfluenceRule?
  private let modelDirectory: String
  private let modelFiles: [String: String]
  private let isTransfer: Bool

  /// Creates a planner for the groups of the probed model.
  ///
  /// - Parameter rule: the rule by which slope and curvature become a value; nil means the probe's
  ///   rule.
  public init(_ influence: Influence, rule: InfluenceRule? = nil) {
    self.influence = influence
    groups = influence.groups
    values =
      rule.map { rule in
        // If the probe summed over its probes, keep the sum.
        if influence.aggregation == .sum, !influence.records.isEmpty {
          return InfluenceEstimate(influence.records, rule: rule, aggregation: .sum).values
        }
        return influence.influences.map {
          $0.verdict == .unfitted ? 0 : rule.best(slope: $0.slope, curvature: $0.curvature).value
        }
      } ?? influence.values
    valueRule = (rule ?? influence.valueRule).name
    resampledRule = rule ?? influence.valueRule
    modelDirectory = influence.modelDirectory
    modelFiles = influence.modelFiles
    isTransfer = false
  }

  /// Creates a planner that uses one of the simple predictors with which influence is compared,
  /// such as `fisher`.
  ///
  /// Throws if the probe has no such predictor.
  public init(_ influence: Influence, predictor: String) throws(SelectionError) {
    guard let found = influence.predictors.first(where: { $0.name == predictor }) else {
      throw SelectionError(
        description: "there is no predictor \"\(predictor)\"; there are "
          + influence.predictors.map(\.name).joined(separator: ", "))
    }
    self.influence = influence
    groups = influence.groups
    values = found.values
    valueRule = predictor
    resampledRule = nil
    modelDirectory = influence.modelDirectory
    modelFiles = influence.modelFiles
    isTransfer = false
  }

  /// Creates a planner for the groups of another model of the same family, to which the values are
  /// transferred.
  ///
  /// Throws for groups without a counterpart, and for a model that cannot be read.
  public init(_ influence: Influence, for directory: String) throws {
    let files = ModelFiles(directory: directory)
    let configuration = try ModelConfiguration(files: files)
    let model = TransformerModel(configuration: configuration, output: influence.output)
    guard let rule = GroupingRule(name: influence.ruleName) else {
      throw SelectionError(
        description: "groups of a file cannot be carried to another model; group by tensor, "
          + "kind-layer or kind")
    }
    let target = try ParameterGrouping(
      model.parameters, by: rule, candidates: influence.candidates
    ).groups
    self.influence = influence
    groups = target
    values = try InfluenceTransfer.values(
      of: target, layerCount: configuration.layerCount, from: influence.groups,
      values: influence.values, layerCount: influence.layerCount)
    valueRule = influence.valueRule.name
    resampledRule = nil
    modelDirectory = absolutePath(directory)
    modelFiles = try files.digests()
    isTransfer = true
  }

  /// The agreement of the order of selectable groups with that in another probe of the same groups:
  /// Kendall's τ of the values, and of the values per parameter.
  ///
  /// Throws if the other probe had other groups.
  public func agreement(
    with other: Influence
  ) throws -> (value: Double, perParameter: Double) {
    let theirs = Dictionary(
      uniqueKeysWithValues: zip(other.groups, other.values).map { ($0.name, ($0, $1)) })
    var pairs: [(mine: Double, theirs: Double, size: Double)] = []
    for (group, value) in zip(groups, values) where !group.isFixed {
      guard let (same, otherValue) = theirs[group.name],
        same.parameterCount == group.parameterCount
      else {
        throw SelectionError(
          description: "the other probe has no group \(group.name) of "
            + "\(group.parameterCount) parameters; probe this model by the same rule")
      }
      pairs.append((value, otherValue, Double(group.parameterCount)))
    }
    return (
      RankCorrelation.kendall(pairs.map(\.mine), pairs.map(\.theirs)),
      RankCorrelation.kendall(
        pairs.map { $0.mine / $0.size }, pairs.map { $0.theirs / $0.size })
    )
  }

  /// The best selection within `budget` parameters, by the sum of values.
  public func plan(
    budget: Int, solver: KnapsackSolver = .automatic, limits: KnapsackLimits = KnapsackLimits(),
    seed: UInt64 = 1
  ) throws -> Plan {
    let selection = try Selection.solve(
      groups, values: values, budget: budget, using: solver, limits: limits)
    let stability =
      groups.count > Self.bootstrapLimit
      ? nil
      : try resampledRule.flatMap { rule in
        try SelectionStability.bootstrap(
          selection, records: influence.records, rule: rule, aggregation: influence.aggregation,
          seed: seed)
      }
    let outcome = selection.outcome
    return plan(
      budget: budget, chosen: outcome.selection, value: outcome.value,
      upperBound: outcome.upperBound, isProven: outcome.isProvenOptimal,
      solver: outcome.solver.rawValue,
      interaction: interaction(of: outcome.selection, isObjective: false), stability: stability)
  }

  /// The selection made by taking groups in the order of a ranking, within `budget` parameters.
  ///
  /// Its bound is that of the relaxation.
  ///
  /// - Parameters:
  ///   - scores: K numbers that rank the groups; if nil, the values per parameter are used.
  ///   - ending: what happens at a group that does not fit.
  public func rankedPlan(
    budget: Int, by scores: [Double]? = nil, ending: Selection.RankingEnd
  ) throws -> Plan {
    let bound = try Selection.solve(groups, values: values, budget: budget, using: .greedy)
      .outcome.upperBound
    let chosen = Selection.ranked(
      groups, by: scores ?? zip(groups, values).map { $1 / Double($0.parameterCount) },
      budget: budget, ending: ending)
    let value = chosen.reduce(0) { $0 + (groups[$1].isFixed ? 0 : values[$1]) }
    return plan(
      budget: budget, chosen: chosen, value: value, upperBound: max(bound, value), isProven: false,
      solver: ending == .atTheFirst ? "prefix of the ranking" : "ranking",
      interaction: interaction(of: chosen, isObjective: false), stability: nil)
  }

  /// The best selection within `budget` parameters by the joint value that the selected groups
  /// remove, among groups with a positive slope.
  ///
  /// The knapsack bound does not apply to the joint value. The bound is the joint value of all
  /// these groups, and the result is proven only if all their subsets were examined. Throws if the
  /// probe did not measure interactions.
  ///
  /// - Parameter kind: the kind of groups to select from; nil for all.
  public func interactingPlan(
    budget: Int, of kind: UniformSet.Kind? = nil
  ) throws -> Plan {
    guard let model = interactionModel else {
      throw SelectionError(
        description:
          "the probe did not measure how groups interact; probe again with `interactions`")
    }
    try Selection.check(budget, for: groups)
    let fixed = groups.indices.filter { groups[$0].isFixed }
    let others = groups.indices.filter { kind != nil && groups[$0].uniformKind != kind }
    let weights = groups.map { Int64($0.parameterCount) }
    let outcome = InteractingSelection(
      model, weights: weights, classes: groups.map(\.exclusionClass),
      excluded: Set(fixed + others),
      capacity: Int64(budget) - fixed.reduce(0) { $0 + weights[$1] }
    ).solve()
    let chosen = (outcome.selection + fixed).sorted()
    // Adding groups never lowers the joint value.
    let rising = Set(groups.indices).subtracting(fixed + others).sorted().filter {
      model.slopes[$0] > 0
    }
    return plan(
      budget: budget, chosen: chosen, value: outcome.value,
      upperBound: outcome.isProven
        ? outcome.value : max(outcome.value, model.value(of: rising)),
      isProven: outcome.isProven, solver: outcome.isProven ? "enumeration" : "greedy with swaps",
      interaction: interaction(of: chosen, isObjective: true), stability: nil)
  }

  /// The plan that trains a uniform set. Its bound is that of the selection for the same budget.
  func uniformPlan(_ set: UniformSet, budget: Int, bound selected: Plan) -> Plan {
    let chosen = (set.groups + groups.indices.filter { groups[$0].isFixed }).sorted()
    let interaction = interaction(of: chosen, isObjective: true)
    let value = interaction?.value ?? 0
    return plan(
      budget: budget, chosen: chosen, value: value,
      upperBound: max(value, selected.upperBound), isProven: false, solver: "uniform set",
      interaction: interaction, stability: nil)
  }

  /// The joint quadratic model, with the standard errors of the curvatures as its ridge.
  private var interactionModel: InteractionModel? {
    guard !isTransfer, let interactions = influence.interactions else { return nil }
    return InteractionModel(
      slopes: influence.influences.map(\.slope), interactions: interactions,
      ridge: influence.influences.map(\.curvatureError))
  }

  /// The value of the groups `chosen` with interactions; nil if these were not measured.
  func interaction(of chosen: [Int], isObjective: Bool) -> Plan.Interaction? {
    interactionModel.map { model in
      let free = chosen.filter { !groups[$0].isFixed && model.slopes[$0] > 0 }
      return Plan.Interaction(
        value: model.value(of: free), additiveValue: model.additiveValue(of: free),
        isObjective: isObjective)
    }
  }

  /// The largest number of groups for which the selection is resampled.
  private static let bootstrapLimit = 2000

  /// η* = b / a, without the limit of a trust region.
  private func bestStep(_ index: Int) -> Double {
    guard !isTransfer else { return 0 }
    let influence = influence.influences[index]
    return influence.curvature > 0 ? max(0, influence.slope / influence.curvature) : 0
  }

  /// The plan that trains the groups `chosen`.
  func plan(
    budget: Int, chosen: [Int], value: Double, upperBound: Double, isProven: Bool, solver: String,
    interaction: Plan.Interaction?, stability: SelectionStability?
  ) -> Plan {
    Plan(
      modelDirectory: modelDirectory, modelFiles: modelFiles,
      modelParameters: groups.modelParameterCount, budget: budget,
      groups: chosen.map { index in
        Plan.Group(
          group: groups[index], value: groups[index].isFixed ? 0 : values[index],
          step: bestStep(index),
          frequency: stability?.frequencies[index])
      },
      weight: chosen.reduce(0) { $0 + groups[$1].parameterCount }, value: value,
      upperBound: upperBound, isProven: isProven, solver: solver,
      valueRule: valueRule, interaction: interaction, stability: stability,
      items: zip(groups, values).map { group, value in
        Plan.Item(
          name: group.name, parameters: group.parameterCount, value: group.isFixed ? 0 : value,
          exclusionClass: group.exclusionClass, isFixed: group.isFixed)
      }, probeSeconds: influence.cost.seconds)
  }

  /// The best value for each number of parameters: the exact frontier if there are few sizes,
  /// otherwise the best selection at `samples` budgets, evenly spaced on a logarithmic axis, or a
  /// good one where that is hard to solve. Every point includes the head.
  public func frontier(samples: Int = 100) throws -> [(parameters: Int, value: Double)] {
    let total = groups.modelParameterCount
    let whole = try KnapsackInstance(
      items: Selection.items(groups, values: values), capacity: Int64(total))
    var limits = KnapsackLimits()
    limits.states = Self.frontierLimit
    limits.seconds = 10
    if let frontier = whole.frontier(limits: limits) {
      return frontier.points.map { (Int($0.weight), $0.value) }
    }
    let head = groups.headParameterCount
    let smallest = groups.filter { !$0.isFixed }.map(\.parameterCount).min() ?? 1
    let low = Double(head + smallest)
    var points: [(parameters: Int, value: Double)] = []
    for sample in 0..<samples {
      let part = Double(sample) / Double(max(1, samples - 1))
      let budget = Int((low * pow(Double(total) / low, part)).rounded(.up))
      let outcome = try Selection.solve(
        groups, values: values, budget: min(budget, total), limits: .oneOfMany
      ).outcome
      if points.last?.parameters != Int(outcome.weight) {
        points.append((Int(outcome.weight), outcome.value))
      }
    }
    return points
  }

  /// The largest number of points of a frontier with many sizes.
  private static let frontierLimit = 200_000
}
