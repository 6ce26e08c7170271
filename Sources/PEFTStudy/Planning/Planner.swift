import Foundation
import PEFTModels
import PEFTNetwork
import PEFTSelect
import PEFTTensor

/// Solves for what to train, from what a probe found.
public struct Planner {
  /// What the probe found.
  public let influence: Influence
  /// The groups to choose from: the probed model's, or a larger one's.
  public let groups: [ParameterGroup]
  /// Their values.
  public let values: [Double]
  private let valueRule: String
  /// What resamples of the probes are valued by; nil where values are not of the probes.
  private let resampledRule: InfluenceRule?
  private let modelDirectory: String
  private let modelFiles: [String: String]
  private let isTransfer: Bool

  /// Chooses among the groups of the model that was probed.
  ///
  /// - Parameter rule: how slope and curvature become a value; nil as probed.
  public init(_ influence: Influence, rule: InfluenceRule? = nil) {
    self.influence = influence
    groups = influence.groups
    values =
      rule.map { rule in
        // A sum over the probes stays one.
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

  /// Chooses by one of the simple predictors that influence is held against, such as `fisher`.
  ///
  /// Throws where the probe has no such predictor.
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

  /// Chooses among the groups of another model of the same family, with values carried over.
  ///
  /// Throws for groups that have no counterpart, and for a model that cannot be read.
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

  /// How far the order of the groups that may be chosen agrees with that of another probe of the
  /// same groups: Kendall's τ of the values, and of the values for each parameter.
  ///
  /// Throws where the other probe had other groups.
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

  /// The best choice under `budget` parameters, by the sum of values.
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

  /// What a walk down a ranking takes under `budget` parameters; its bound is the relaxation's.
  ///
  /// - Parameters:
  ///   - scores: what ranks the groups, K numbers; nil takes the values for each parameter.
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

  /// The best choice under `budget` parameters by the value that the chosen groups remove together,
  /// of those whose slope is positive.
  ///
  /// That value has no knapsack's bound; its bound is that of all these groups together, and a
  /// proof there is where all their subsets were looked at. Throws where the probe did not
  /// measure interactions.
  public func interactingPlan(budget: Int) throws -> Plan {
    guard let model = interactionModel else {
      throw SelectionError(
        description:
          "the probe did not measure how groups interact; probe again with `interactions`")
    }
    try Selection.check(budget, for: groups)
    let fixed = groups.indices.filter { groups[$0].isFixed }
    let weights = groups.map { Int64($0.parameterCount) }
    let outcome = InteractingSelection(
      model, weights: weights, classes: groups.map(\.exclusionClass), excluded: Set(fixed),
      capacity: Int64(budget) - fixed.reduce(0) { $0 + weights[$1] }
    ).solve()
    let chosen = (outcome.selection + fixed).sorted()
    // More groups never remove less.
    let rising = groups.indices.filter { !groups[$0].isFixed && model.slopes[$0] > 0 }
    return plan(
      budget: budget, chosen: chosen, value: outcome.value,
      upperBound: outcome.isProven
        ? outcome.value : max(outcome.value, model.value(of: rising)),
      isProven: outcome.isProven, solver: outcome.isProven ? "enumeration" : "greedy with swaps",
      interaction: interaction(of: chosen, isObjective: true), stability: nil)
  }

  /// The joint quadratic model, with the standard errors of the curvatures as its ridge.
  private var interactionModel: InteractionModel? {
    guard !isTransfer, let interactions = influence.interactions else { return nil }
    return InteractionModel(
      slopes: influence.influences.map(\.slope), interactions: interactions,
      ridge: influence.influences.map(\.curvatureError))
  }

  private func interaction(of chosen: [Int], isObjective: Bool) -> Plan.Interaction? {
    interactionModel.map { model in
      let free = chosen.filter { !groups[$0].isFixed && model.slopes[$0] > 0 }
      return Plan.Interaction(
        value: model.value(of: free), additiveValue: model.additiveValue(of: free),
        isObjective: isObjective)
    }
  }

  /// The most groups whose selection is resampled.
  private static let bootstrapLimit = 2000

  /// η* = b / a, without the limit of a trust region.
  private func bestStep(_ index: Int) -> Double {
    guard !isTransfer else { return 0 }
    let influence = influence.influences[index]
    return influence.curvature > 0 ? max(0, influence.slope / influence.curvature) : 0
  }

  private func plan(
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

  /// What each number of parameters could give: the whole exact frontier where sizes are few,
  /// otherwise the best choice at `samples` budgets, evenly spread on a logarithmic axis. The
  /// head is in every point.
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
    let head = groups.filter(\.isFixed).reduce(0) { $0 + $1.parameterCount }
    let smallest = groups.filter { !$0.isFixed }.map(\.parameterCount).min() ?? 1
    let low = Double(head + smallest)
    var points: [(parameters: Int, value: Double)] = []
    for sample in 0..<samples {
      let part = Double(sample) / Double(max(1, samples - 1))
      let budget = Int((low * pow(Double(total) / low, part)).rounded(.up))
      let outcome = try Selection.solve(
        groups, values: values, budget: min(budget, total)
      ).outcome
      if points.last?.parameters != Int(outcome.weight) {
        points.append((Int(outcome.weight), outcome.value))
      }
    }
    return points
  }

  /// The most points of a frontier of many sizes.
  private static let frontierLimit = 200_000
}
