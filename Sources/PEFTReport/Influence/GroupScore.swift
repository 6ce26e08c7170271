import PEFTNetwork
import PEFTSelect

/// What reports show of a group: its place in the model and its influence.
public struct GroupScore: Hashable, Sendable {
  /// The group's name.
  public let name: String
  /// What its parameters do.
  public let kind: ParameterKind
  /// Its transformer layer, from 0; nil where there is no such one.
  public let layer: Int?
  /// The number of its parameters, |k|.
  public let parameterCount: Int
  /// The slope b of the loss, and its standard error.
  public let slope: Double
  /// The standard error of the slope.
  public let slopeError: Double
  /// The loss it removes; never negative.
  public let value: Double
  /// The standard error of the value.
  public let valueError: Double
  /// How far to trust it.
  public let verdict: GroupInfluence.Verdict

  /// A group with figures of any origin, such as a file.
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

  /// What `influence` says of `group`.
  public init(_ group: ParameterGroup, _ influence: GroupInfluence) {
    self.init(group, influence, valuedAt: influence.value)
  }

  /// The same with a value by any rule; that of another than the influence's own has no error.
  package init(
    _ group: ParameterGroup, _ influence: GroupInfluence, valuedAt value: Double
  ) {
    self.init(
      name: group.name, kind: group.kind, layer: group.layer, parameterCount: group.parameterCount,
      slope: influence.slope, slopeError: influence.slopeError, value: value,
      valueError: value == influence.value ? influence.valueError : .nan,
      verdict: influence.verdict)
  }

  /// Whether it always trains: the head.
  public var isFixed: Bool { kind == .head }

  /// The value for each parameter; nothing for a group without any.
  public var perParameter: Double { parameterCount > 0 ? value / Double(parameterCount) : 0 }
}
