import PEFTModels
import PEFTNetwork
import PEFTSelect

/// What is to train, why, and how good that choice is: the contents of `plan.json`.
public struct Plan: Sendable {
  /// The file's name in a run directory.
  public static let fileName = "plan.json"

  /// One item that could be chosen.
  public struct Item: Hashable, Sendable {
    /// The group's name.
    public let name: String
    /// Its number of parameters.
    public let parameters: Int
    /// Its value; that of the head does not count.
    public let value: Double
    /// Items of one class exclude each other.
    public let exclusionClass: Int?
    /// Whether it always trains.
    public let isFixed: Bool
  }

  /// A group that trains.
  public struct Group: Hashable, Sendable {
    /// The group.
    public let group: ParameterGroup
    /// Its value.
    public let value: Double
    /// The step η* = b / a at which its own parabola is lowest, for learning rates by group; 0
    /// where that is unknown.
    public let step: Double
    /// The part of resamples in which it is selected; nil where there were too few probes.
    public let frequency: Double?
  }

  /// The directory of the model, from the root of the file system.
  public var modelDirectory: String
  /// SHA-256 of the model's weights, configuration and tokenizer's files, by name; of the weights
  /// alone in a file of an earlier version.
  public var modelFiles: [String: String]
  /// |W|, adapters left out.
  public var modelParameters: Int
  /// The limit on the parameters that train.
  public var budget: Int
  /// The groups that train, the head included.
  public var groups: [Group]
  /// Their parameters.
  public var weight: Int
  /// The value of those that were chosen.
  public var value: Double
  /// No selection within the budget has a greater value. For an interaction-aware plan, the bound
  /// covers only groups with a positive slope.
  public var upperBound: Double
  /// Whether no such choice has a greater value than this one.
  public var isProven: Bool
  /// The solver.
  public var solver: String
  /// How slope and curvature became a value.
  public var valueRule: String
  /// What the chosen set removes when interactions count, and by what part that falls short of the
  /// sum; nil where they were not measured.
  public var interaction: Interaction?
  /// How the choice changes when probes are resampled; nil where there were too few.
  public var stability: SelectionStability?
  /// Everything that could be chosen, to check the choice by.
  public var items: [Item]
  /// Seconds of the probe behind it.
  public var probeSeconds: Double
  /// SHA-256 of the files that it was made of or belong to it, by name:
  /// `influence.json` and `frontier.csv`.
  public var files: [String: String] = [:]

  /// A selection's value with interactions.
  public struct Interaction: Hashable, Sendable {
    /// ½ bᵀ A⁻¹ b over those of the chosen set whose slope is positive, with the standard
    /// errors of the curvatures added to the diagonal of A: what the best step removes,
    /// without a limit on it.
    public let value: Double
    /// Σ b² / 2a over them, with the same a.
    public let additiveValue: Double
    /// Whether the selection was made for `value`.
    public let isObjective: Bool

    /// 1 − value / additive: what is counted twice in the sum; negative where
    /// groups help each other.
    public var redundancy: Double { additiveValue > 0 ? 1 - value / additiveValue : 0 }
  }

  /// Whether it was made of what this probe found: for the same weights and the same groups.
  func isOf(_ influence: Influence) -> Bool {
    modelFiles == influence.modelFiles
      && Dictionary(items.map { ($0.name, $0.parameters) }) { first, _ in first }
        == Dictionary(influence.groups.map { ($0.name, $0.parameterCount) }) { first, _ in first }
  }

  /// The value of those that were chosen as the frontier counts it: `value`, and where the
  /// selection was made for what groups remove together, the sum of their own.
  public var frontierValue: Double {
    guard interaction?.isObjective == true else { return value }
    return groups.lazy.filter { !$0.group.isFixed }.reduce(0) { $0 + $1.value }
  }

  /// Ratios of learning rates by tensor, from the best steps of the groups: √(η* /
  /// median η*), from ¼ to 4.
  ///
  /// The root and the limits temper what the probe knows poorly. A tensor whose rows belong to
  /// several groups takes their mean; the head, and groups without a known step, keep 1.
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

  /// The method that trains it.
  public var method: SelectedTuning { SelectedTuning(members: groups.flatMap(\.group.members)) }
}
