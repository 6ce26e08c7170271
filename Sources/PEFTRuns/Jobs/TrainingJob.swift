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
  /// What was read.
  public let inputs: TrainingInputs
  /// The model with the method attached.
  public let model: TransformerModel
  /// How its head reads the tokens.
  public let pooling: Pooling
  /// The names of the tensors that the base model lacks and that were initialised.
  package let drawn: [String]
  /// What the user should know: new and unused tensors, cut texts, empty texts.
  public let notes: [String]

  /// The number of parameters that train, and of all.
  public var counts: (trainable: Int, parameters: Int) {
    (job.method.plannedCount(in: model), model.parameterCount)
  }

  /// Everything that distinguishes a run of this job: its settings and the SHA-256 of its inputs.
  package var recipe: JSONObject {
    get throws(FileError) { try job.recipe(of: inputs) }
  }
}

extension PreparedJob {
  /// The files of the model.
  public var files: ModelFiles { inputs.files }
  /// The tokenizer of the model.
  public var tokenizer: Tokenizer { inputs.tokenizer }
  /// What the model is to predict.
  public var task: any PredictionTask { inputs.task }
  /// The longest sequence, in tokens.
  public var maximumLength: Int { inputs.maximumLength }
  /// The encoded data to train on.
  public var train: EncodedDataset { inputs.train }
  /// The encoded data to evaluate on during training.
  public var dev: EncodedDataset? { inputs.dev }
  /// The encoded data to evaluate on at the end.
  public var test: EncodedDataset? { inputs.test }
}

extension TrainingJob {
  /// Reads and checks everything; nothing is written.
  public func prepare() throws -> PreparedJob { try prepare(from: inputs()) }

  /// Makes the model of this job.
  ///
  /// - Parameter inputs: those of this job, or of one on the same files that differs only in
  ///   method, plan, learning rate or seed.
  public func prepare(from inputs: TrainingInputs) throws -> PreparedJob {
    try MemoryForecast(loading: inputs.configuration).check()
    var notes = inputs.notes
    let weights = SeededGenerator(seed: settings.seed, purpose: "weights")
    let pooling = pooling ?? inputs.configuration.usualPooling
    let (model, report) = try TransformerModel.load(
      files: inputs.files, output: inputs.task.output(pooling: pooling),
      takingHead: inputs.keepsHead, using: weights)
    if !report.newlyInitialized.isEmpty {
      notes.append("newly initialised: " + report.newlyInitialized.joined(separator: ", "))
    }
    if !report.unused.isEmpty {
      notes.append("in the checkpoint and not used: " + report.unused.joined(separator: ", "))
    }
    try Self.checkFit(of: method, in: model)
    try checkPlan(for: model, inputs.files)
    let job = try attachMethod(
      of: inputs.adapter, takingHead: inputs.keepsHead, to: model, drawn: report.newlyInitialized,
      using: weights,
      note: { notes.append($0) })
    guard method.plannedCount(in: model) > 0 else {
      throw InvalidSetting(
        setting: "method", value: method.name,
        "the model has nothing that it would train; use another method")
    }
    return PreparedJob(
      job: job, inputs: inputs, model: model, pooling: pooling, drawn: report.newlyInitialized,
      notes: notes)
  }

  /// Attaches the method. An adapter to continue from brings its own, which the returned job has.
  private func attachMethod(
    of adapter: AdapterFile?, takingHead: Bool, to model: TransformerModel, drawn: [String],
    using weights: SeededGenerator, note: (String) -> Void
  ) throws -> TrainingJob {
    guard let adapter else {
      method.attach(to: model, using: weights)
      return self
    }
    var job = self
    job.method = try adapter.method(for: model, drawn: drawn)
    job.method.attach(to: model, using: weights)
    let hasHead = try adapter.load(into: model, takingHead: takingHead)
    if !hasHead, !takingHead, !model.taskParameters.isEmpty {
      note("\(adapter.path) has no head that fits: a new head is initialised")
    }
    return job
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
