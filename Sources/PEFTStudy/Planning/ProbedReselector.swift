import PEFTModels
import PEFTNetwork
import PEFTRuns
import PEFTSelect
import PEFTTensor
import PEFTTrain

/// Selects again within the budget of a plan, by probes like the one from which it was made, at the
/// values that the run has reached.
///
/// The probe has other batches at every step, and no steps of the head alone, which the run trains.
/// A swap has to be certain: what trains counts its value and the standard error of it, and
/// everything else its value less its standard error. Low-rank deltas of the plan stay, and so does
/// what excludes the groups of their matrices; the rest of the budget is selected again. A group of
/// single elements that stays keeps its elements, although its value is that of the elements with
/// the largest gradients now.
public struct ProbedReselector: Reselector {
  /// The settings of the probes.
  let settings: InfluenceSettings
  /// The largest number of parameters that train at once, including the head, and without the
  /// deltas that stay.
  let budget: Int
  /// The weights with deltas that stay.
  private let adapted: Set<String>

  /// Creates a reselector for a plan and the probe from which it was made.
  ///
  /// Throws `InvalidSetting` if the probe is not that of the plan, if probes like it cannot be made
  /// during a run, and if the plan has nothing that can be exchanged.
  public init(_ plan: Plan, from influence: Influence) throws(InvalidSetting) {
    func refusal(_ reason: String) -> InvalidSetting {
      InvalidSetting(setting: "reselect", reason)
    }
    guard plan.isOf(influence) else {
      throw refusal("the influences beside the plan are not those from which it was made")
    }
    guard plan.valueRule == influence.valueRule.name else {
      throw refusal(
        "the plan values groups by \(plan.valueRule), and its probe by "
          + "\(influence.valueRule.name); select with the probe's own values")
    }
    settings = try Self.settings(of: influence)
    let deltas = plan.groups.map(\.group).filter(\.hasDelta)
    adapted = Set(deltas.flatMap(\.members).map(\.weight))
    budget = plan.budget - deltas.reduce(0) { $0 + $1.parameterCount }
    guard plan.groups.contains(where: { !$0.group.isFixed && !$0.group.hasDelta }) else {
      throw refusal(
        "the plan trains low-rank deltas alone, which stay where they are; probe without "
          + "candidates such as lora:8, or choose once")
    }
  }

  /// The settings for probes like that of `influence`.
  private static func settings(
    of influence: Influence
  ) throws(InvalidSetting) -> InfluenceSettings {
    func refusal(_ reason: String) -> InvalidSetting {
      InvalidSetting(setting: "reselect", reason)
    }
    guard let rule = GroupingRule(name: influence.ruleName) else {
      throw refusal(
        "the groups of the plan come from a file; group by tensor, kind-layer, kind or row")
    }
    let stored = influence.settings
    guard stored["estimator"]?.string == ProbeSettings.Estimator.oneWalk.name,
      let directions = stored["direction-batches"]?.integer, directions > 0,
      let probes = stored["probe-batches"]?.integer, probes > 0,
      let direction = stored["direction"]?.string.flatMap(ProbeSettings.Direction.init),
      let batches = stored["probe-on"]?.string.flatMap(ProbeSettings.ProbeBatches.init)
    else { throw refusal("the plan comes from a probe that is not of the estimator one-walk") }
    var settings = InfluenceSettings()
    settings.rule = rule
    settings.candidates = influence.candidates?.withoutRanks
    settings.probe.direction = direction
    settings.probe.probeBatches = batches
    settings.probe.path = .held(directionBatches: directions)
    settings.probe.probeCount = probes
    (settings.value, settings.aggregation) = (influence.valueRule, influence.aggregation)
    (settings.headSteps, settings.warmSteps) = (0, 0)
    return settings
  }

  /// The settings of the probes, the budget, and the weights whose deltas stay.
  public var json: JSONValue {
    var object = settings.json
    // They are those of the run.
    for key in ["precision", "seed", "head-steps", "head-learning-rate"] { object[key] = nil }
    object["budget"] = .integer(budget)
    object["adapted"] = .array(adapted.sorted().map { .string($0) })
    return .object(object)
  }

  /// The selection after `step` steps.
  public func selection(in prepared: PreparedJob, after step: Int) throws -> RenewedSelection {
    var settings = settings
    settings.probe.precision = prepared.job.settings.precision
    settings.probe.seed = prepared.job.settings.seed
    let (groups, influences) = try prepared.influences(settings, after: step)
    let model = prepared.model
    let parameters = Dictionary(
      uniqueKeysWithValues: model.parameters.map { ($0.parameter.name, $0.parameter) })
    let choices = zip(groups, influences).filter { group, _ in
      group.members.allSatisfy { !adapted.contains($0.weight) }
    }
    let trains = choices.map { group, _ in group.trains(in: parameters) }
    let values = zip(choices, trains).map { choice, trains in
      let (value, error) = (choice.1.value, choice.1.valueError)
      guard error.isFinite else { return trains ? max(value, .leastNormalMagnitude) : 0 }
      return trains ? value + error : max(0, value - error)
    }
    let selection = try Selection.solve(
      choices.map(\.0), values: values, budget: budget, limits: .oneOfMany)
    let chosen = Set(selection.outcome.selection.filter { !choices[$0].0.isFixed })
    let now = Set(choices.indices.filter { trains[$0] && !choices[$0].0.isFixed })
    // If nothing is certain to lower the loss, everything stays.
    let next = chosen.isEmpty ? now : chosen
    func names(_ indices: Set<Int>) -> [String] { indices.sorted().map { choices[$0].0.name } }
    return RenewedSelection(
      members: next.sorted().flatMap { index in
        choices[index].0.members.map { trains[index] ? $0.asNow(in: parameters) : $0 }
      },
      added: names(next.subtracting(now)), dropped: names(now.subtracting(next)),
      kept: names(next.intersection(now)))
  }
}

extension PreparedJob {
  /// The groups and their influences at the values of a run after `step` steps. Adapters that are
  /// attached belong to no group. The model does not change.
  fileprivate func influences(
    _ settings: InfluenceSettings, after step: Int
  ) throws -> (groups: [ParameterGroup], influences: [GroupInfluence]) {
    let plan = probeBatchPlan(settings)
    var probeSettings = settings.probe
    probeSettings.probeCount = plan.probeCount
    probeSettings.differentBatches = plan.directionPart
    let objective = ModelObjective(model, lossShape: job.settings.lossShape)
    let grouping = try ParameterGrouping(
      objective.parameters, by: settings.rule, candidates: settings.candidates)
    let outcome = probe(
      objective, groupings: [grouping], settings: probeSettings,
      batch: { probeBatch($0, by: plan, after: step) })[0]
    if outcome.divergedStep != nil {
      throw NonFiniteLoss(
        step: step, loss: .nan, parameter: nil, remedy: "lower `learning-rate`, choose once")
    }
    return (
      outcome.grouping.groups.map { $0.choosing(outcome.elements) },
      InfluenceEstimate(outcome.records, rule: settings.value, aggregation: settings.aggregation)
        .groups
    )
  }
}

extension ParameterGroup {
  /// Whether the group is of low-rank deltas.
  fileprivate var hasDelta: Bool {
    members.contains { if case .lowRank = $0 { true } else { false } }
  }

  /// Whether the group is what trains of these parameters: its tensors and rows, and of weights of
  /// which it trains some elements, as many.
  fileprivate func trains(in parameters: [String: Parameter]) -> Bool {
    members.allSatisfy { member in
      guard let parameter = parameters[member.weight] else { return false }
      let positions = parameter.trains.positions(in: parameter.shape)
      switch member {
      case .tensor: return positions.count == parameter.count
      case .row(_, let row):
        let width = parameter.shape.columns
        return positions.contains(row * width) && positions.contains((row + 1) * width - 1)
      case .elements(_, let count, _):
        return positions.count == count && count < parameter.count
      case .lowRank: return false
      }
    }
  }
}

extension ParameterGroup.Member {
  /// The name of the tensor or weight to which it belongs.
  fileprivate var weight: String {
    switch self {
    case .tensor(let name), .row(let name, _), .lowRank(let name, _), .elements(let name, _, _):
      name
    }
  }

  /// The member with the elements that train now.
  fileprivate func asNow(in parameters: [String: Parameter]) -> Self {
    guard case .elements(let weight, let count, _) = self, let parameter = parameters[weight] else {
      return self
    }
    return .elements(
      weight: weight, count: count, positions: parameter.trains.positions(in: parameter.shape))
  }
}
