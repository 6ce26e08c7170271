import PEFTData
import PEFTModels
import PEFTTensor
import PEFTText
import PEFTTrain

/// A training run from files to files.
public struct TrainingJob: Sendable {
  /// The model directory.
  public var modelDirectory: String
  /// The data to train on, which fixes the labels.
  public var trainPath: String
  /// The data to evaluate on during training.
  public var devPath: String?
  /// The data to evaluate on at the end.
  public var testPath: String?
  /// The format of the data files; nil goes by their extension.
  public var format: DataFormat?
  /// Which columns hold what; nil goes by their names or positions.
  public var columns: ColumnSelection?
  /// What kind of task the data pose.
  public var taskKind = TaskKind.auto
  /// What trains.
  public var method: any AdaptationMethod
  /// The model that the method was planned for; nil where nothing was planned.
  public var plannedModel: ModelIdentity?
  /// A PEFT adapter, or a file of additions, to go on from; its α where its
  /// configuration does not say it.
  public var adapter: (path: String, alpha: Double?)?
  /// How a classifier's head reads the tokens; nil takes what is usual for the model.
  public var pooling: Pooling?
  /// The longest sequence in tokens, special ones included; nil takes 128, 256 for running text, or
  /// what the model allows.
  public var maximumLength: Int?
  /// Tokens from one window of running text to the next; nil takes windows that do not overlap.
  public var stride: Int?
  /// How it trains.
  public var settings = TrainingSettings()
  /// How completions of the test prompts are written at the end, to be compared with their
  /// references; nil writes none.
  public var generation: GenerationSettings?

  /// A job with the defaults.
  public init(modelDirectory: String, trainPath: String, method: any AdaptationMethod) {
    self.modelDirectory = modelDirectory
    self.trainPath = trainPath
    self.method = method
  }
}

/// A job whose files are read and whose model is ready to train.
public struct PreparedJob {
  /// The job.
  public let job: TrainingJob
  /// The files of its model, from which everything was read.
  public let files: ModelFiles
  /// The adapter that the job goes on from, as it was read.
  package let adapter: AdapterFile?
  /// The model with the method attached.
  public let model: TransformerModel
  /// Its tokenizer.
  public let tokenizer: Tokenizer
  /// What it is to predict.
  public let task: any PredictionTask
  /// How its head reads the tokens.
  public let pooling: Pooling
  /// The longest sequence, in tokens.
  public let maximumLength: Int
  /// The encoded data.
  public let train: EncodedDataset
  /// The encoded data.
  public let dev: EncodedDataset?
  /// The encoded data.
  public let test: EncodedDataset?
  /// The test data as they stand in their file.
  let testRows: TaskReader.Rows?
  /// The names of what the base model lacks and was drawn.
  package let drawn: [String]
  /// What the user should know: new and unused tensors, cut texts, empty texts.
  public let notes: [String]

  /// The number of parameters that train, and of all.
  public var counts: (trainable: Int, parameters: Int) {
    (job.method.plannedCount(in: model), model.parameterCount)
  }
}

extension TrainingJob {
  /// Reads and checks everything; nothing is written.
  public func prepare() throws -> PreparedJob {
    for path in [trainPath, devPath, testPath].compactMap(\.self) { try checkRereadable(path) }
    let files = ModelFiles(directory: modelDirectory)
    let configuration = try ModelConfiguration(files: files)
    let reader = try reader(configuration, files)
    var notes: [String] = []
    func read(_ path: String, _ kind: TaskKind) throws(FileError) -> TaskReader.Rows {
      let rows = try reader.rows(path, kind: kind)
      notes += DataReader.warnings(about: rows.examples, path: path)
      return rows
    }
    let rows = try read(trainPath, taskKind)
    let windows = try windows(configuration)
    let task = try reader.task(of: rows, kind: taskKind, windows: windows)
    if generation != nil {
      guard task is Completion, testPath != nil else {
        throw InvalidSetting(
          setting: "generate", "it is for prompts with completions, those of `test`")
      }
    }
    func encode(_ rows: TaskReader.Rows) throws(FileError) -> EncodedDataset {
      let data = try task.encode(rows, by: reader)
      if data.truncatedCount > 0 {
        notes.append(
          "\(rows.path): \(data.truncatedCount) of \(data.count) texts were cut to "
            + "\(reader.maximumLength) tokens (`max-length`)")
      }
      return data
    }
    let train = try encode(rows)
    let kind = TaskKind(type(of: task))
    let dev = try devPath.map { try encode(read($0, kind)) }
    let testRows = try testPath.map { try read($0, kind) }
    let test = try testRows.map { try encode($0) }
    if task is LanguageModelling {
      notes.append(
        "running text in windows of \(windows.context) tokens, one every \(windows.stride) "
          + "(`max-length`, `stride`)")
    }
    try MemoryForecast(loading: configuration).check()
    let weights = SeededGenerator(seed: settings.seed, purpose: "weights")
    let pooling = pooling ?? configuration.usualPooling
    let (model, report) = try TransformerModel.load(
      files: files, output: task.output(pooling: pooling), using: weights)
    if !report.newlyInitialized.isEmpty {
      notes.append("newly initialised: " + report.newlyInitialized.joined(separator: ", "))
    }
    if !report.unused.isEmpty {
      notes.append("in the checkpoint and not used: " + report.unused.joined(separator: ", "))
    }
    try Self.checkFit(of: method, in: model)
    try checkPlan(for: model, files)
    let (job, adapter) = try attachMethod(
      to: model, drawn: report.newlyInitialized, using: weights, note: { notes.append($0) })
    guard method.plannedCount(in: model) > 0 else {
      throw InvalidSetting(
        setting: "method", value: method.name,
        "the model has nothing that it would train; use another method")
    }
    return PreparedJob(
      job: job, files: files, adapter: adapter, model: model, tokenizer: reader.tokenizer,
      task: task, pooling: pooling, maximumLength: reader.maximumLength, train: train, dev: dev,
      test: test,
      testRows: testRows, drawn: report.newlyInitialized, notes: notes)
  }

  /// Attaches the method; of an adapter to go on from its additions, and then the job
  /// has them for a method.
  private func attachMethod(
    to model: TransformerModel, drawn: [String], using weights: SeededGenerator,
    note: (String) -> Void
  ) throws -> (job: TrainingJob, adapter: AdapterFile?) {
    guard let adapter else {
      method.attach(to: model, using: weights)
      return (self, nil)
    }
    let file = try AdapterFile(adapter.path, alpha: adapter.alpha)
    var job = self
    job.method = try file.method(for: model, drawn: drawn)
    job.method.attach(to: model, using: weights)
    if try file.load(into: model) == false {
      note("\(adapter.path) has no head that fits: a new head is initialised")
    }
    return (job, file)
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
      maximumLength: maximumLength ?? min(128, limit))
  }

  /// How running text is cut.
  private func windows(_ configuration: ModelConfiguration) throws -> TextWindows {
    let context = self.maximumLength ?? min(256, configuration.maximumLength)
    if let stride, !(1...context).contains(stride) {
      throw InvalidSetting(
        setting: "stride", value: stride, "give 1 to \(context), the length of a window")
    }
    return TextWindows(context: context, stride: stride)
  }

  /// Throws for a setting of the method that the model has no place for.
  public static func checkFit(
    of method: any AdaptationMethod, in model: TransformerModel
  ) throws(InvalidSetting) {
    guard let misfit = method.misfit(in: model) else { return }
    throw InvalidSetting(setting: misfit.setting, misfit.description)
  }
}

extension TrainingJob {
  /// Throws where the plan was made for other files than this model's, and names the first.
  private func checkPlan(for model: TransformerModel, _ files: ModelFiles) throws(FileError) {
    guard let plannedModel else { return }
    if let difference = try files.difference(from: plannedModel.files) {
      let others = difference.isOfWeights ? "other weights" : "another configuration or tokenizer"
      throw FileError(
        .malformed, path: files.path(difference.name),
        reason: "the plan was made for \(others) (of \(plannedModel.directory)): "
          + difference.reason,
        remedy: "name that model, or carry the influences over to this one with `for`")
    }
    guard let member = (method as? SelectedTuning)?.misfittingMember(in: model) else { return }
    throw FileError(
      .malformed, path: modelDirectory, place: member.description,
      reason: "the plan trains it, but this model does not have it",
      remedy: "train with the pooling (`pooling`) that the probe used")
  }
}
