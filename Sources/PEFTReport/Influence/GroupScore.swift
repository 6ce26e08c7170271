import PEFTNetwork
import PEFTSelect

/// A group as shown in reports: its place in the model and its influence.
public struct GroupScore: Hashable, Sendable {
  /// The group's name.
  public let name: String
  /// The kind of its parameters.
  public let kind: ParameterKind
  /// Its transformer layer, from 0; nil if it is in no layer.
  public let layer: Int?
  /// The number |k| of its parameters.
  public let parameterCount: Int
  /// The slope b of the loss.
  public let slope: Double
  /// The standard error of the slope.
  public let slopeError: Double
  /// The loss that the group removes; never negative.
  public let value: Double
  /// The standard error of the value.
  public let valueError: Double
  /// How reliable the influence is.
  public let verdict: GroupInfluence.Verdict

  /// A group with numbers from any source, such as a file.
  public init(
    name: String, kind: ParameterKind, layer: Int?, parameterCount: Int, slope: Double,
    slopeError: Double, value: Double, valueError: Double, verdict: GroupInfluence.Verdict
  ) {
    self.name = name
    self.kind = kind
    self.layer = layer
    self.parameterCount = parameterCount
    self.slope = slope
    self.slopeError = slopeError
    self.value = value
    self.valueError = valueError
    self.verdict = verdict
  }

  /// A group with the numbers of `influence`.
  public init(_ group: ParameterGroup, _ influence: GroupInfluence) {
    self.init(group, influence, valuedAt: influence.value)
  }

  /// A group with a value by any rule. A value by a rule other than the influence's own has no
  /// error.
  package init(
    _ group: ParameterGroup, _ influence: GroupInfluence, valuedAt value: Double
  ) {
    self.init(
      name: group.name, kind: group.kind, layer: group.layer, parameterCount: group.parameterCount,
      slope: influence.slope, slopeError: influence.slopeError, value: value,
      valueError: value == influence.value ? influence.valueError : .nan,
      verdict: influence.verdict)
  }

  /// Whether the group always trains, as the head does.
  public var isFixed: Bool { kind == .head }

  /// The value per parameter; 0 for a group without parameters.
  public var perParameter: Double { parameterCount > 0 ? value / Double(parameterCount) : 0 }
}
