import Foundation
import PEFTModels
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
        influence.influences.map {
          $0.verdict == .unfitted ? 0 : rule.best(slope: $0.slope, curvature: $0.curvature).value
        }
      } ?? influence.values
    modelDirectory = influence.modelDirectory
    modelFiles = influence.modelFiles
    isTransfer = false
  }

  /// Chooses among the groups of another model of the same family, with values carried over.
  ///
  /// Throws for groups that have no counterpart, and for a model that cannot be read.
  public init(_ influence: Influence, for directory: String) throws {
    let configuration = try EncoderConfiguration(directory: directory)
    let hasPooler = influence.groups.contains { $0.name.contains("pooler") }
    let heads = influence.groups.first(where: \.isFixed)?.members ?? []
    let model = SequenceClassifier(
      configuration: configuration, pooling: hasPooler || heads.count > 2 ? .first : .mean,
      outputCount: 2)
    guard let rule = GroupingRule(name: influence.ruleName) else {
      throw SelectionError(
        description: "groups of a file cannot be carried to another model; group by tensor, "
          + "kind-layer or kind")
    }
    let target = try ParameterGrouping(model.parameters, by: rule).groups
    self.influence = influence
    groups = target
    values = try InfluenceTransfer.values(
      of: target, layerCount: configuration.layerCount, from: influence.groups,
      values: influence.values, layerCount: influence.layerCount)
    modelDirectory = absolutePath(directory)
    modelFiles = try Fingerprint.weights(ofModel: directory)
    isTransfer = true
  }

  /// The best choice under `budget` parameters, by the sum of values.
  public func plan(
    budget: Int, solver: KnapsackSolver = .automatic, limits: KnapsackLimits = KnapsackLimits(),
    seed: UInt64 = 1
  ) throws -> Plan {
    let selection = try Selection.solve(
      groups, values: values, budget: budget, using: solver, limits: limits)
    let stability =
      isTransfer || groups.count > Self.bootstrapLimit
      ? nil
      : try SelectionStability.bootstrap(
        selection, records: influence.records, rule: influence.valueRule,
        aggregation: influence.aggregation, seed: seed)
    return plan(selection, stability: stability)
  }

  /// What each number of parameters could give: every point of the frontier where it is exact and short
  /// enough, otherwise the best choice at `samples` budgets, evenly spread on a logarithmic axis.
  public func frontier(samples: Int = 100) throws -> [(parameters: Int, value: Double)] {
    let head = groups.filter(\.isFixed).reduce(0) { $0 + $1.parameterCount }
    let smallest = groups.filter { !$0.isFixed }.map(\.parameterCount).min() ?? 1
    let (low, high) = (Double(head + smallest), Double(groups.modelParameterCount))
    var points: [(parameters: Int, value: Double)] = []
    for sample in 0..<samples {
      let part = Double(sample) / Double(max(1, samples - 1))
      let budget = Int((low * (high / low).power(part)).rounded(.up))
      let outcome = try Selection.solve(
        groups, values: values, budget: min(budget, Int(high))
      ).outcome
      if points.last?.parameters != Int(outcome.weight) {
        points.append((Int(outcome.weight), outcome.value))
      }
    }
    return points
  }

  /// The most groups whose selection is resampled.
  private static let bootstrapLimit = 2000

  private func plan(_ selection: Selection, stability: SelectionStability?) -> Plan {
    let outcome = selection.outcome
    return Plan(
      modelDirectory: modelDirectory, modelFiles: modelFiles,
      modelParameters: groups.modelParameterCount, budget: selection.budget,
      groups: outcome.selection.map { index in
        Plan.Group(
          group: groups[index], value: groups[index].isFixed ? 0 : values[index],
          step: isTransfer ? 0 : influence.influences[index].step,
          frequency: stability?.frequencies[index])
      },
      weight: Int(outcome.weight), value: outcome.value, upperBound: outcome.upperBound,
      isProven: outcome.isProvenOptimal, solver: "\(outcome.solver)",
      valueRule: influence.valueRule.name, interaction: nil, stability: stability,
      items: zip(groups, values).map { group, value in
        Plan.Item(
          name: group.name, parameters: group.parameterCount, value: group.isFixed ? 0 : value,
          exclusionClass: group.exclusionClass, isFixed: group.isFixed)
      })
  }
}

extension Double {
  fileprivate func power(_ exponent: Double) -> Double { pow(self, exponent) }
}
