import PEFTNetwork
import PEFTTensor

/// What a model is to predict, fixed by the training file. Each kind of task is a type of its own,
/// which the `TaskCatalogue` lists.
public protocol PredictionTask: Hashable, Sendable {
  /// Its name in files and settings.
  static var name: String { get }

  /// The format of its data in a file called `.txt`.
  static var textFormat: DataFormat { get }

  /// The task that the rows of a training file pose; `windows` say how running text is cut.
  ///
  /// Throws `malformed`, with the line, for rows that pose no such task.
  init(training rows: TaskReader.Rows, windows: TextWindows) throws(FileError)

  /// The task that `json` describes, read from the file `path`.
  ///
  /// Throws `malformed` for settings that are missing or wrong.
  init(json: JSONValue, path: String) throws(FileError)

  /// What distinguishes it from other tasks of its kind.
  var settings: JSONObject { get }

  /// What a model for it puts out; `pooling` is how a classifier of texts reads the tokens.
  func output(pooling: Pooling) -> ModelOutput

  /// Rows as token ids with what is to be predicted.
  ///
  /// Throws `malformed`, with the line, for a row that does not fit the task.
  func encode(_ rows: TaskReader.Rows, by reader: TaskReader) throws(FileError) -> EncodedDataset

  /// Examples to predict, whose labels are not looked at.
  func encodeUnlabelled(_ rows: TaskReader.Rows, by reader: TaskReader) throws(FileError)
    -> EncodedDataset

  /// What the logits of a row answer: the index of a class, or a value.
  func answer(_ logits: UnsafeBufferPointer<Float>) -> Double

  /// The metrics by name, in a fixed order.
  ///
  /// - Parameters:
  ///   - answers: those to the rows of `targets`; empty for a vocabulary.
  ///   - targets: what would have been right; nil for data without labels and for a vocabulary.
  ///   - loss: the mean loss over `terms` rows.
  func metrics(
    of answers: [Double], targets: Targets?, loss: Double, terms: Int
  ) -> [(name: String, value: Double)]

  /// The metric by which runs are compared.
  var primaryMetric: PrimaryMetric { get }

  /// What is to be said of an example whose predicted rows have these logits, row after row.
  ///
  /// - Parameter words: the word of each row, where the text was given word by word.
  func prediction(_ logits: [Float], of example: TextExample, words: [Int]) -> JSONObject

  /// The classes in the order of the logits; nil where there are none.
  var classes: LabelMap? { get }

  /// The same task with its classes in the order of a head's rows; nil unless every row is exactly
  /// one of its classes. A task without classes has one row, whatever its name.
  func ordered(likeRowsNamed names: [String]) -> Self?

  /// `problem_type` in that file.
  var problemType: String? { get }

  /// `task_type` in the configuration of an adapter for Hugging Face PEFT.
  static var adapterTaskType: String { get }
}

extension PredictionTask {
  /// Tab-separated values.
  public static var textFormat: DataFormat { .tsv }

  /// There are none.
  public var classes: LabelMap? { nil }

  /// The task itself, for a head of one row.
  public func ordered(likeRowsNamed names: [String]) -> Self? { names.count == 1 ? self : nil }

  /// There is none.
  public var problemType: String? { nil }

  /// The texts or pairs alone, cut to the reader's maximum length. It throws nothing.
  public func encodeUnlabelled(
    _ rows: TaskReader.Rows, by reader: TaskReader
  ) throws(FileError) -> EncodedDataset {
    EncodedDataset(
      rows.examples, targets: nil, tokenizer: reader.tokenizer,
      maximumLength: reader.maximumLength)
  }

  /// Whether tokens of the vocabulary are predicted.
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
