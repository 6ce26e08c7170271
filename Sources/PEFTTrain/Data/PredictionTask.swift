import PEFTModels
import PEFTNetwork
import PEFTSelect
import PEFTTensor

/// What kind of task data pose.
public enum TaskKind: String, CaseIterable, Hashable, Sendable {
  /// With labels, regression when every label is a number and at least one of them is not whole,
  /// else classification; where most are such numbers, a label that is not is refused. Whole
  /// numbers, however many, are classes; 150 intents numbered from 0 are far more common than
  /// whole-number scores, and `1.0` is how some tools write the class 1. Without labels, completion
  /// where prompts have completions, else language.
  case auto
  /// Every distinct label is a class.
  case classification
  /// Every label is a number to be predicted.
  case regression
  /// The tokens of running text are to be predicted: the next one by GPT-2, hidden ones
  /// by RoBERTa and BERT.
  case language
  /// The tokens of completions are to be predicted, from their prompts.
  case completion
}

/// What a model is to predict, fixed by the training file.
public enum PredictionTask: Hashable, Sendable {
  /// One of the classes of the map.
  case classification(LabelMap)
  /// A real number.
  case regression
  /// The tokens of running text, seen in windows.
  case language(TextWindows)
  /// The tokens of completions.
  case completion

  /// The task that the labels of the training file `path` pose.
  ///
  /// Throws `malformed` for a row without a label, a label that is not a finite number in
  /// regression or among numbers that are not all whole, and labels that are all the same.
  public init(training examples: [TextExample], kind: TaskKind = .auto, path: String)
    throws(FileError)
  {
    var labels = Set<String>()
    for example in examples {
      guard let label = example.label else { throw missingLabel(example, path: path) }
      labels.insert(label)
    }
    guard labels.count > 1 else {
      throw FileError(
        .malformed, path: path,
        reason: labels.first.map { "every label is \"\($0)\"" } ?? "there are no labels",
        remedy: "train on examples of at least two labels")
    }
    switch kind {
    case .classification: self = .classification(LabelMap(labels))
    case .regression: self = .regression
    case .auto, .language, .completion:
      let numbers = LabelNumbers(examples)
      if let slip = numbers.slip, let label = slip.label {
        throw FileError(
          .malformed, path: path, place: "line \(slip.line)",
          reason:
            "the label \"\(label)\" is not a finite number, while most labels are numbers that are "
            + "not all whole",
          remedy:
            "correct it and say --task regression, or, if every label is the name of a class, say "
            + "--task classification")
      }
      self = numbers.areScores ? .regression : .classification(LabelMap(labels))
    }
    if case .regression = self { _ = try targets(of: examples, path: path) }
  }

  /// The targets of the rows of the file `path`.
  ///
  /// Throws `malformed`, with the line, for a row without a label, a label that the training data
  /// does not have, or one that is not a finite number.
  public func targets(of examples: [TextExample], path: String) throws(FileError) -> Targets {
    switch self {
    case .classification(let map): return .classes(try map.classes(of: examples, path: path))
    case .regression:
      var values: [Double] = []
      values.reserveCapacity(examples.count)
      for example in examples {
        guard let label = example.label else { throw missingLabel(example, path: path) }
        guard let value = finiteNumber(label) else {
          throw FileError(
            .malformed, path: path, place: "line \(example.line)",
            reason: "the label \"\(label)\" is not a finite number, as regression needs",
            remedy: "correct it, or choose classification")
        }
        values.append(value)
      }
      return .values(values)
    case .language, .completion:
      preconditionFailure("targets: the targets of language are its tokens")
    }
  }

  /// What a model for it puts out; `pooling` is how a classifier reads the tokens.
  public func output(pooling: Pooling) -> ModelOutput {
    switch self {
    case .classification(let map): .classes(map.count, pooling: pooling)
    case .regression: .classes(1, pooling: pooling)
    case .language, .completion: .vocabulary
    }
  }

  /// Whether tokens are predicted.
  public var isLanguage: Bool {
    switch self {
    case .classification, .regression: false
    case .language, .completion: true
    }
  }

  /// `{"task":"classification","labels":[…]}`, `{"task":"regression"}`,
  /// `{"task":"language","context":…,"stride":…}` or `{"task":"completion"}`.
  public var json: JSONValue {
    switch self {
    case .classification(let map):
      .object(["task": .string("classification"), "labels": map.json])
    case .regression: .object(["task": .string("regression")])
    case .language(let windows):
      .object([
        "task": .string("language"), "context": .integer(windows.context),
        "stride": .integer(windows.stride),
      ])
    case .completion: .object(["task": .string("completion")])
    }
  }

  /// The task that `json` gave, read from the file `path`. Throws `malformed` for anything else.
  public init(json: JSONValue, path: String) throws(FileError) {
    switch json["task"]?.string {
    case "classification":
      self = .classification(try LabelMap(json: json["labels"] ?? .null, path: path))
    case "regression": self = .regression
    case "completion": self = .completion
    case "language":
      guard let context = json["context"]?.integer, (4...1 << 30).contains(context),
        let stride = json["stride"]?.integer, (1...context).contains(stride)
      else {
        throw FileError(
          .malformed, path: path, place: "task", reason: "context and stride do not make windows")
      }
      self = .language(TextWindows(context: context, stride: stride))
    default:
      throw FileError(
        .malformed, path: path, place: "task",
        reason: "the task is not classification, regression, language or completion")
    }
  }
}
