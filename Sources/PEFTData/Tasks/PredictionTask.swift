import PEFTNetwork
import PEFTTensor

/// The task of a model, determined by the training file. Each kind of task is a type of its own,
/// which the `TaskCatalogue` lists.
public protocol PredictionTask: Hashable, Sendable {
  /// The task's name in files and settings.
  static var name: String { get }

  /// The format of the task's data in a file with the extension `.txt`.
  static var textFormat: DataFormat { get }

  /// The task defined by the rows of a training file; `windows` divides running text.
  ///
  /// Throws `malformed`, with the line, for rows that do not fit the task.
  init(training rows: TaskReader.Rows, windows: TextWindows) throws(FileError)

  /// The task that `json` describes, read from the file `path`.
  ///
  /// Throws `malformed` for missing or invalid settings.
  init(json: JSONValue, path: String) throws(FileError)

  /// The settings that distinguish it from other tasks of its kind.
  var settings: JSONObject { get }

  /// The output of a model for this task; `pooling` is how a text classifier reads the tokens.
  func output(pooling: Pooling) -> ModelOutput

  /// Rows as token ids with the targets to predict.
  ///
  /// Throws `malformed`, with the line, for a row that does not fit the task.
  func encode(_ rows: TaskReader.Rows, by reader: TaskReader) throws(FileError) -> EncodedDataset

  /// Examples to predict; their labels are ignored.
  func encodeUnlabelled(_ rows: TaskReader.Rows, by reader: TaskReader) throws(FileError)
    -> EncodedDataset

  /// The output's bias [C] with which a new head starts, given the training targets; nil for zeros.
  func initialBias(for targets: Targets) -> [Float]?

  /// The number of numbers that answer a row.
  var answerCount: Int { get }

  /// The answer that the logits of a row give: the index of a class, a value, or the probability of
  /// each label.
  func answers(_ logits: UnsafeBufferPointer<Float>) -> [Double]

  /// The task with what it takes from the dev data after training, such as thresholds.
  ///
  /// - Parameters:
  ///   - logits: those of all rows of the dev data, row after row.
  ///   - targets: the correct answers.
  func calibrated(logits: [Float], targets: Targets) -> Self

  /// Whether every run calibrates it, if it has dev data.
  var takesCalibration: Bool { get }

  /// A message about what was calibrated; nil if nothing was.
  var calibrationNote: String? { get }

  /// The metrics by name, in a fixed order.
  ///
  /// - Parameters:
  ///   - answers: the answers to the rows of `targets`, `answerCount` for each; empty for a
  ///     vocabulary.
  ///   - targets: the correct answers; nil for data without labels and for a vocabulary.
  ///   - loss: the mean loss over `terms` rows.
  func metrics(
    of answers: [Double], targets: Targets?, loss: Double, terms: Int
  ) -> [(name: String, value: Double)]

  /// The metric by which runs are compared.
  var primaryMetric: PrimaryMetric { get }

  /// The prediction for an example whose predicted rows have these logits, row after row.
  ///
  /// - Parameter words: the word of each row, if the text was given word by word.
  func prediction(_ logits: [Float], of example: TextExample, words: [Int]) -> JSONObject

  /// The classes in the order of the logits; nil if the task has no classes.
  var classes: LabelMap? { get }

  /// The same task with its classes in the order of a head's rows; nil unless every row is exactly
  /// one of its classes. A task without classes has one row, whatever its name.
  func ordered(likeRowsNamed names: [String]) -> Self?

  /// `problem_type` in `config.json`.
  var problemType: String? { get }

  /// `task_type` in the adapter configuration of Hugging Face PEFT.
  static var adapterTaskType: String { get }
}

extension PredictionTask {
  /// Tab-separated values, by default.
  public static var textFormat: DataFormat { .tsv }

  /// Nil by default: the task has no classes.
  public var classes: LabelMap? { nil }

  /// Nil by default: the bias starts at zero.
  public func initialBias(for targets: Targets) -> [Float]? { nil }

  /// One by default.
  public var answerCount: Int { 1 }

  /// The task itself, by default.
  public func calibrated(logits: [Float], targets: Targets) -> Self { self }

  /// False by default.
  public var takesCalibration: Bool { false }

  /// Nil by default.
  public var calibrationNote: String? { nil }

  /// The task itself, for a head with one row.
  public func ordered(likeRowsNamed names: [String]) -> Self? { names.count == 1 ? self : nil }

  /// Nil by default: there is no problem type.
  public var problemType: String? { nil }

  /// The texts or pairs alone, truncated to the reader's maximum length. Throws nothing.
  public func encodeUnlabelled(
    _ rows: TaskReader.Rows, by reader: TaskReader
  ) throws(FileError) -> EncodedDataset {
    EncodedDataset(
      rows.examples, targets: nil, tokenizer: reader.tokenizer,
      maximumLength: reader.maximumLength)
  }

  /// Whether the model predicts tokens of the vocabulary.
  public var isLanguage: Bool { output(pooling: .first) == .vocabulary }

  /// The name and the settings: `{"task":"classification","labels":[…]}`.
  public var json: JSONValue {
    var object: JSONObject = ["task": .string(Self.name)]
    for (key, value) in settings.members { object[key] = value }
    return .object(object)
  }

  /// Whether `other` is the same task with the same settings.
  public func isSame(as other: any PredictionTask) -> Bool { other as? Self == self }
}
