/// The kind of task for data: one kind of the catalogue, or `auto`.
public struct TaskKind: RawRepresentable, CaseIterable, Hashable, Sendable {
  /// The data decide.
  ///
  /// Conversations mean chat, words on separate lines token classification, and lists of labels
  /// multi-label classification. Labels mean regression if every label is a number and at least one
  /// is not an integer, else classification; if most labels are such numbers, a label that is not a
  /// number is refused. Integers are classes, however many there are: 150 intents numbered from 0
  /// are far more common than integer scores, and some tools write the class 1 as `1.0`. Without
  /// labels, the task for a causal model is completion if prompts have completions, else language
  /// modelling.
  public static let auto = TaskKind(name: "auto")

  /// The name of a task, or `auto`.
  public let rawValue: String

  private init(name: String) { rawValue = name }

  /// The kind called `rawValue`; nil if there is none.
  public init?(rawValue: String) {
    guard rawValue == Self.auto.rawValue || TaskCatalogue.standard.type(named: rawValue) != nil
    else { return nil }
    self.rawValue = rawValue
  }

  /// The kind of a task.
  public init(_ type: any PredictionTask.Type) { rawValue = type.name }

  /// All kinds, `auto` first.
  public static var allCases: [TaskKind] {
    [auto] + TaskCatalogue.standard.types.map { TaskKind($0) }
  }

  /// The type of the kind's tasks; nil for `auto`.
  public var type: (any PredictionTask.Type)? { TaskCatalogue.standard.type(named: rawValue) }
}
