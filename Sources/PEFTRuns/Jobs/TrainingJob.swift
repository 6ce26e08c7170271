import PEFTData
import PEFTModels
import PEFTTensor
import PEFTText
import PEFTTrain

/// A training run from files to files.
public struct TrainingJob: Sendable {
  /// The model directory.
  public var modelDirectory: String
  /// The data to train on, which determine the labels.
  public var trainPath: String
  /// The data to evaluate on during training.
  public var devPath: String?
  /// The training rows to hold out as dev data; nil for none. There must be no `devPath` then.
  public var holdout: Holdout?
  /// The data to evaluate on at the end.
  public var testPath: String?
  /// The fold of the training rows to evaluate on at the end and not to train on; nil for none.
  /// There must be no `testPath` then.
  public var fold: Fold?
  /// The format of the data files; if nil, their extension decides.
  public var format: DataFormat?
  /// The columns to use; if nil, their names or positions decide.
  public var columns: ColumnSelection?
  /// The kind of task of the data.
  public var taskKind = TaskKind.auto
  /// The template of conversations; nil takes the model's.
  public var chatTemplate: ChatTemplate.Name?
  /// The adaptation method.
  public var method: any AdaptationMethod
  /// Chooses again what trains, if the method is a selection that asks for it.
  public var reselector: (any Reselector)?
  /// The model for which the method was planned; nil if there is no plan.
  public var plannedModel: ModelIdentity?
  /// A PEFT adapter, or a LoRA file, to continue from; `alpha` is its α if its configuration does
  /// not specify it.
  public var adapter: (path: String, alpha: Double?)?
  /// How a classifier's head reads the tokens; if nil, as is usual for the model.
  public var pooling: Pooling?
  /// The longest sequence in tokens, including special tokens. If nil, it fits 95 % of the training
  /// rows, and is at least 128; for running text it is 256; but no more than the model's limit.
  public var maximumLength: Int?
  /// The number of tokens from one window of running text to the next; if nil, windows do not
  /// overlap.
  public var stride: Int?
  /// The training settings.
  public var settings = TrainingSettings()
  /// Whether the run finds its learning rate itself; the one in `settings` is then not used.
  public var findsRate = false
  /// The settings with which texts for the test prompts are generated at the end and compared with
  /// their references; if nil, none are generated.
  public var generation: GenerationSettings?

  /// A job with the default settings.
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
  /// The inputs that were read.
  public let inputs: TrainingInputs
  /// The model with the method attached.
  public let model: TransformerModel
  /// How its head reads the tokens.
  public let pooling: Pooling
  /// The names of the tensors that the base model lacks and that were initialised.
  package let drawn: [String]
  /// Messages for the user: new and unused tensors, truncated texts, empty texts.
  public let notes: [String]

  /// The number of trainable parameters, and of all parameters.
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
  /// The task of the model.
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
  /// Reads and checks all inputs and creates the model; writes nothing.
  public func prepare() throws -> PreparedJob { try prepare(from: inputs()) }

  /// Creates the model of this job.
  ///
  /// - Parameter inputs: the inputs of this job, or of a job on the same files that differs only in
  ///   method, plan, learning rate or seed.
  public func prepare(from inputs: TrainingInputs) throws -> PreparedJob {
    try MemoryForecast(loading: inputs.configuration).check()
    var notes = inputs.notes
    let weights = SeededGenerator(seed: settings.seed, purpose: "weights")
    var pooling = pooling ?? inputs.configuration.usualPooling
    if self.pooling == nil, inputs.task is any PairTask {
      pooling = try EmbeddingSettings(directory: inputs.files.directory).pooling
    }
    let (model, report) = try TransformerModel.load(
      files: inputs.files, output: inputs.task.output(pooling: pooling),
      takingHead: inputs.keepsHead, using: weights)
    if !report.newlyInitialized.isEmpty {
      notes.append("newly initialised: " + report.newlyInitialized.joined(separator: ", "))
    }
    if let bias = model.outputBias, report.newlyInitialized.contains(bias.name),
      let values = inputs.train.targets.flatMap({ inputs.task.initialBias(for: $0) })
    {
      bias.value = Tensor(values, shape: bias.shape)
    }
    if !report.unused.isEmpty {
      notes.append("in the checkpoint and not used: " + report.unused.joined(separator: ", "))
    }
    try Self.checkFit(of: method, in: model)
    try checkPlan(for: model, inputs.files)
    var job = try attachMethod(
      of: inputs.adapter, takingHead: inputs.keepsHead, to: model, drawn: report.newlyInitialized,
      using: weights,
      note: { notes.append($0) })
    job.settings.classWeights = try classWeights(of: inputs)
    guard (method as? SelectedTuning)?.reselection == nil || reselector != nil else {
      throw InvalidSetting(
        setting: "reselect", "the job has nothing that chooses again what its selection trains")
    }
    guard method.plannedCount(in: model) > 0 else {
      throw InvalidSetting(
        setting: "method", value: method.name,
        "the model has nothing that it would train; use another method")
    }
    return PreparedJob(
      job: job, inputs: inputs, model: model, pooling: pooling, drawn: report.newlyInitialized,
      notes: notes)
  }

  /// Attaches the method. An adapter to continue from determines its own method, which the returned
  /// job has.
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

  /// Throws for a setting of the method that the model cannot satisfy.
  public static func checkFit(
    of method: any AdaptationMethod, in model: TransformerModel
  ) throws(InvalidSetting) {
    guard let misfit = method.misfit(in: model) else { return }
    throw InvalidSetting(setting: misfit.setting, misfit.description)
  }
}

extension TrainingJob {
  /// Throws if the plan was made for files other than this model's, and names the first difference.
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
      .malformed, path: modelDirectory, place: member.place,
      reason: "the plan trains it, but this model does not have it",
      remedy: "train with the pooling (`pooling`) that the probe used")
  }
}
