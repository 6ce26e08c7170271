import PEFTModels
import PEFTNetwork
import PEFTSelect

/// A selection of parameters to train, with its reasons and its quality: the contents of
/// `plan.json`.
public struct Plan: Sendable {
  /// The file's name in a run directory.
  public static let fileName = "plan.json"

  /// An item available for selection.
  public struct Item: Hashable, Sendable {
    /// The group's name.
    public let name: String
    /// Its number of parameters.
    public let parameters: Int
    /// The item's value; the head's value does not count.
    public let value: Double
    /// The exclusion class; at most one item of a class can be selected.
    public let exclusionClass: Int?
    /// Whether the item always trains.
    public let isFixed: Bool
  }

  /// A selected group.
  public struct Group: Hashable, Sendable {
    /// The group.
    public let group: ParameterGroup
    /// The group's value.
    public let value: Double
    /// The step η* = b / a that minimises the group's own parabola, for learning rates by group; 0
    /// if unknown.
    public let step: Double
    /// The fraction of resamples in which the group is selected; nil if there were too few probes.
    public let frequency: Double?
  }

  /// The absolute path of the model's directory.
  public var modelDirectory: String
  /// The SHA-256 of the model's weights, configuration and tokenizer files, by name; of only the
  /// weights in a file of an earlier version.
  public var modelFiles: [String: String]
  /// The number |W| of the model's parameters, without adapters.
  public var modelParameters: Int
  /// The limit on trainable parameters.
  public var budget: Int
  /// The selected groups, including the head.
  public var groups: [Group]
  /// The number of parameters of the selected groups.
  public var weight: Int
  /// The value of the selected groups.
  public var value: Double
  /// No selection within the budget has a greater value. For an interaction-aware plan, the bound
  /// covers only groups with a positive slope.
  public var upperBound: Double
  /// Whether the selection is proven optimal: no selection within the budget has a greater value.
  public var isProven: Bool
  /// The name of the solver.
  public var solver: String
  /// The rule by which slope and curvature become a value.
  public var valueRule: String
  /// The loss that the selected set removes with interactions, and how much less that is than the
  /// sum of the groups' values; nil if interactions were not measured.
  public var interaction: Interaction?
  /// How the selection changes when probes are resampled; nil if there were too few probes.
  public var stability: SelectionStability?
  /// The uniform sets with which the selection was compared; nil if there were none.
  public var anchor: Anchor?
  /// The goal for which the plan is the smallest set that was found; nil if it was made for a
  /// budget.
  public var goal: GoalRecord?
  /// All items available for selection, by which the selection can be checked.
  public var items: [Item]
  /// The time of the underlying probe in seconds.
  public var probeSeconds: Double
  /// The SHA-256 of the files from which the plan was made or that belong to it, by name:
  /// `influence.json` and `frontier.csv`.
  public var files: [String: String] = [:]

  /// The value of a selection with interactions.
  public struct Interaction: Hashable, Sendable {
    /// ½ bᵀ A⁻¹ b over the selected groups with a positive slope, where the standard errors of the
    /// curvatures are added to the diagonal of A.
    ///
    /// This is the loss that the best step removes, with no limit on the step.
    public let value: Double
    /// Σ b² / 2a over the same groups, with the same a.
    public let additiveValue: Double
    /// Whether the selection was made for `value`.
    public let isObjective: Bool

    /// 1 − value / additiveValue: the fraction of the sum that is counted more than once; negative
    /// if groups reinforce each other.
    public var redundancy: Double { additiveValue > 0 ? 1 - value / additiveValue : 0 }
  }

  /// Whether the plan was made from this probe: for the same weights and the same groups.
  func isOf(_ influence: Influence) -> Bool {
    modelFiles == influence.modelFiles
      && Dictionary(items.map { ($0.name, $0.parameters) }) { first, _ in first }
        == Dictionary(influence.groups.map { ($0.name, $0.parameterCount) }) { first, _ in first }
  }

  /// The value of the selected groups as the frontier counts it: `value`, or the sum of the groups'
  /// own values if the selection was made for their joint value.
  public var frontierValue: Double {
    guard interaction?.isObjective == true else { return value }
    return groups.lazy.filter { !$0.group.isFixed }.reduce(0) { $0 + $1.value }
  }

  /// Factors of the learning rate by tensor, from the best steps of the groups: √(η* / median η*),
  /// limited to the range from ¼ to 4.
  ///
  /// The root and the limits moderate estimates that the probe knows poorly. A tensor whose rows
  /// belong to several groups gets the mean of their factors. The head, and groups without a known
  /// step, keep 1.
  public var rateFactors: [String: Double] {
    let moving = groups.filter { !$0.group.isFixed && $0.step > 0 && $0.step.isFinite }
    let steps = moving.map(\.step).sorted()
    guard !steps.isEmpty else { return [:] }
    let median = steps[steps.count / 2]
    var factors: [String: [Double]] = [:]
    for item in moving {
      let factor = min(4, max(0.25, (item.step / median).squareRoot()))
      for member in item.group.members {
        for name in SelectedTuning.parameterNames(of: member) {
          factors[name, default: []].append(factor)
        }
      }
    }
    return factors.mapValues { $0.reduce(0, +) / Double($0.count) }
  }

  /// The method that trains the selection.
  public var method: SelectedTuning { SelectedTuning(members: groups.flatMap(\.group.members)) }
}
