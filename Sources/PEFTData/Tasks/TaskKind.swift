/// The kind of task that data pose: one of the catalogue, or `auto`.
public struct TaskKind: RawRepresentable, CaseIterable, Hashable, Sendable {
  /// What the data look like decides.
  ///
  /// Words on lines of their own are to be tagged.
  /// With labels it is regression when every label is a number and at least one of them is not
  /// whole, else classification; where most are such numbers, a label that is not is refused. Whole
  /// numbers, however many, are classes: 150 intents numbered from 0 are far more common than
  /// whole-number scores, and `1.0` is how some tools write the class 1. Without labels, for a
  /// causal model, it is completion where prompts have completions, else language.
  public static let auto = TaskKind(name: "auto")

  /// The name: that of a task, or `auto`.
  public let rawValue: String

  private init(name: String) { rawValue = name }

  /// The kind called `rawValue`; nil where there is none.
  public init?(rawValue: String) {
    guard rawValue == Self.auto.rawValue || TaskCatalogue.standard.type(named: rawValue) != nil
    else { return nil }
    self.rawValue = rawValue
  }

  /// The kind of a task.
  public init(_ type: any PredictionTask.Type) { rawValue = type.name }

  /// All, `auto` first.
  public static var allCases: [TaskKind] {
    [auto] + TaskCatalogue.standard.types.map { TaskKind($0) }
  }

  /// The type of its tasks; nil for `auto`.
  public var type: (any PredictionTask.Type)? { TaskCatalogue.standard.type(named: rawValue) }
}
