import PEFTData
import PEFTModels
import PEFTRuntime
import PEFTText

/// The inputs of a training job: the files of its model, the task and its encoded data.
///
/// Jobs on the same files that differ only in method, plan, learning rate or seed share their
/// inputs, so that each file is read and hashed once. Weights are read from the open files whenever
/// a model is created.
public struct TrainingInputs {
  /// The files of the model, each opened once.
  public let files: ModelFiles
  /// The architecture.
  let configuration: ModelConfiguration
  /// The adapter that the job continues from.
  package let adapter: AdapterFile?
  /// The tokenizer.
  public let tokenizer: Tokenizer
  /// The task of the model.
  public let task: any PredictionTask
  /// Whether the checkpoint's head is kept: it fits this task, and its rows are in the order of the
  /// task's classes.
  let keepsHead: Bool
  /// The longest sequence, in tokens.
  public let maximumLength: Int
  /// The encoded data to train on.
  public let train: EncodedDataset
  /// The encoded data to evaluate on during training.
  public let dev: EncodedDataset?
  /// The encoded data to evaluate on at the end.
  public let test: EncodedDataset?
  /// Whether the texts are pairs.
  let hasPairs: Bool
  /// The test data as read from their file.
  let testRows: TaskReader.Rows?
  /// The SHA-256 of the data files, by path.
  let dataDigests: [String: String]
  /// Messages for the user about truncated and empty texts.
  package let notes: [String]

  /// A model of these files whose weights are not read, to see what fits it.
  package var unreadModel: TransformerModel {
    TransformerModel(
      configuration: configuration, output: task.output(pooling: configuration.usualPooling))
  }
}

extension TrainingJob {
  /// Reads and checks the files of this job.
  ///
  /// Nothing is written, and no weights are read.
  ///
  /// - Parameter opened: the files of the model, if they are already open.
  public func inputs(of opened: ModelFiles? = nil) throws -> TrainingInputs {
    for path in [trainPath, devPath, testPath].compactMap(\.self) { try checkRereadable(path) }
    let files = opened ?? ModelFiles(directory: modelDirectory)
    let configuration = try ModelConfiguration(files: files)
    var reader = try reader(configuration, files)
    var notes: [String] = []
    var digests: [String: String] = [:]
    func read(_ path: String, _ kind: TaskKind) throws(FileError) -> TaskReader.Rows {
      let rows = try reader.rows(path, kind: kind)
      notes += DataReader.warnings(about: rows.examples, path: path)
      digests[path] = rows.digest
      return rows
    }
    let all = try read(trainPath, taskKind)
    let windows = try windows(configuration)
    let posed = try reader.task(of: all, kind: taskKind, windows: windows)
    let (pool, tested) = try foldParts(of: all, as: posed)
    let (rows, heldOut) = try parts(of: pool, as: posed) { notes.append($0) }
    let file = try adapter.map { try AdapterFile($0.path, alpha: $0.alpha) }
    let head = try TrainedHead(
      for: posed, files: files, configuration: configuration, adapter: file,
      adapterDirectory: adapter?.path)
    let task = head?.task ?? posed
    if let note = head?.note { notes.append(note) }
    if generation != nil {
      guard task is Completion, testPath != nil else {
        throw InvalidSetting(
          setting: "generate", "it is for prompts with completions, those of `test`")
      }
    }
    func encode(_ rows: TaskReader.Rows) throws(FileError) -> EncodedDataset {
      let data = try task.encode(rows, by: reader)
      note(data, of: rows)
      return data
    }
    func note(_ data: EncodedDataset, of rows: TaskReader.Rows) {
      notes +=
        DataSummary(
          rows, as: task, encoded: data, maximumLength: reader.maximumLength,
          lengthLimit: configuration.maximumLength
        ).lines
      if let note = task.classes?.note(about: rows.examples, path: rows.path) {
        notes.append(note)
      }
    }
    let train = try fitted(rows, as: task, &reader)
    note(train, of: rows)
    let kind = TaskKind(type(of: task))
    let dev = try heldOut.map(encode) ?? devPath.map { try encode(read($0, kind)) }
    let testRows = try tested ?? testPath.map { try read($0, kind) }
    let test = try testRows.map { try encode($0) }
    if task is LanguageModelling {
      notes.append(
        "running text in windows of \(windows.context) tokens, one every \(windows.stride) "
          + "(`max-length`, `stride`)")
    }
    return TrainingInputs(
      files: files, configuration: configuration,
      adapter: file, tokenizer: reader.tokenizer, task: task,
      keepsHead: head?.isKept ?? false, maximumLength: reader.maximumLength, train: train,
      dev: dev, test: test, hasPairs: rows.examples.first?.pair != nil, testRows: testRows,
      dataDigests: digests, notes: notes)
  }

  private func reader(
    _ configuration: ModelConfiguration, _ files: ModelFiles
  ) throws -> TaskReader {
    let tokenizer = try configuration.tokenizer(files: files)
    let limit = configuration.maximumLength
    if let maximumLength, !(4...limit).contains(maximumLength) {
      throw InvalidSetting(
        setting: "max-length", value: maximumLength, "this model takes 4 to \(limit) tokens")
    }
    return TaskReader(
      isCausal: configuration.isCausal, tokenizer: tokenizer, format: format, columns: columns,
      chatTemplate: try chatTemplate.map { ChatTemplate($0) }
        ?? ChatTemplate(files: files, tokenizer: tokenizer),
      maximumLength: maximumLength ?? limit)
  }

  /// The windows for running text.
  private func windows(_ configuration: ModelConfiguration) throws -> TextWindows {
    let context = self.maximumLength ?? min(256, configuration.maximumLength)
    if let stride, !(1...context).contains(stride) {
      throw InvalidSetting(
        setting: "stride", value: stride, "give 1 to \(context), the length of a window")
    }
    return TextWindows(context: context, stride: stride)
  }
}
