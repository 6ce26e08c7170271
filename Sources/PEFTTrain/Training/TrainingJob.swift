import PEFTModels
import PEFTTensor

/// A setting that does not fit the model or the data. The message names the option.
public struct InvalidSetting: Error, Hashable, Sendable, CustomStringConvertible {
  /// What is wrong and what would be right.
  public let description: String

  /// An error with this message.
  public init(_ description: String) { self.description = description }
}

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
  /// How labels are to be read.
  public var labelKind = LabelKind.auto
  /// What trains.
  public var method: any AdaptationMethod
  /// The plan that the method carries out; nil where nothing was planned.
  public var plan: Plan?
  /// How the head reads the tokens.
  public var pooling = Pooling.first
  /// The longest sequence in tokens, special ones included; nil takes 128 or what the model allows.
  public var maximumLength: Int?
  /// How it trains.
  public var settings = TrainingSettings()

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
  /// The model with the method attached.
  public let model: SequenceClassifier
  /// Its tokenizer.
  public let tokenizer: Tokenizer
  /// What it is to predict.
  public let task: PredictionTask
  /// The longest sequence, in tokens.
  public let maximumLength: Int
  /// The encoded data.
  public let train: EncodedDataset
  /// The encoded data.
  public let dev: EncodedDataset?
  /// The encoded data.
  public let test: EncodedDataset?
  /// What the user should know: new and unused tensors, cut texts, empty texts.
  public let notes: [String]

  /// The number of parameters that train, and of all.
  public var counts: (trainable: Int, parameters: Int) {
    (model.trainableCount, model.parameterCount)
  }
}

extension TrainingJob {
  /// Reads and checks everything; nothing is written.
  public func prepare() throws -> PreparedJob {
    let configuration = try EncoderConfiguration(directory: modelDirectory)
    let maximumLength = try checkedLength(configuration)
    let tokenizer = try Tokenizer.load(directory: modelDirectory)
    guard tokenizer.vocabularySize <= configuration.vocabularySize else {
      throw FileError(
        .malformed, path: modelDirectory,
        reason: "the tokenizer has \(tokenizer.vocabularySize) tokens, the model "
          + "\(configuration.vocabularySize)",
        remedy: "copy tokenizer and weights from the same model")
    }
    var notes: [String] = []
    func read(_ path: String) throws(FileError) -> [TextExample] {
      let examples = try DataReader.read(path: path, format: format, columns: columns)
      guard !examples.isEmpty else {
        throw FileError(.malformed, path: path, reason: "there are no examples in it")
      }
      notes += DataReader.warnings(about: examples, path: path)
      return examples
    }
    let examples = try read(trainPath)
    let task = try PredictionTask(training: examples, kind: labelKind, path: trainPath)
    func encode(_ examples: [TextExample], _ path: String) throws(FileError) -> EncodedDataset {
      let data = EncodedDataset(
        examples, targets: try task.targets(of: examples, path: path), tokenizer: tokenizer,
        maximumLength: maximumLength)
      if data.truncatedCount > 0 {
        notes.append(
          "\(path): \(data.truncatedCount) of \(data.count) texts were cut to \(maximumLength) "
            + "tokens (--max-length)")
      }
      return data
    }
    let train = try encode(examples, trainPath)
    let dev = try devPath.map { try encode(read($0), $0) }
    let test = try testPath.map { try encode(read($0), $0) }
    let weights = SeededGenerator(seed: settings.seed, purpose: "weights")
    let (model, report) = try SequenceClassifier.load(
      directory: modelDirectory, pooling: pooling, outputCount: task.outputCount, using: weights)
    if !report.newlyInitialized.isEmpty {
      notes.append("newly initialised: " + report.newlyInitialized.joined(separator: ", "))
    }
    if !report.unused.isEmpty {
      notes.append("in the checkpoint and not used: " + report.unused.joined(separator: ", "))
    }
    try checkTargets(in: model)
    try checkPlan(for: model)
    method.attach(to: model, using: weights)
    return PreparedJob(
      job: self, model: model, tokenizer: tokenizer, task: task, maximumLength: maximumLength,
      train: train, dev: dev, test: test, notes: notes)
  }

  private func checkedLength(_ configuration: EncoderConfiguration) throws(InvalidSetting) -> Int {
    let limit = configuration.maximumLength
    guard let maximumLength else { return min(128, limit) }
    guard (4...limit).contains(maximumLength) else {
      throw InvalidSetting(
        "--max-length \(maximumLength): this model takes 4 to \(limit) tokens")
    }
    return maximumLength
  }

  private func checkTargets(in model: SequenceClassifier) throws(InvalidSetting) {
    guard let lowRank = method as? LowRankAdaptation else { return }
    for target in lowRank.targets
    where LowRankAdaptation.layers(of: model, matching: target).isEmpty {
      let names = model.encoder.layers.first?.linearLayers.map { layer in
        layer.name.split(separator: ".").suffix(2).joined(separator: ".")
      }
      throw InvalidSetting(
        "--targets: no linear layer is called \"\(target)\"; there are "
          + (names ?? []).joined(separator: ", "))
    }
  }
}

extension TrainingJob {
  /// Throws where the plan was made for other weights than this model's.
  private func checkPlan(for model: SequenceClassifier) throws(FileError) {
    guard let plan else { return }
    guard try Fingerprint.weights(ofModel: modelDirectory) == plan.modelFiles else {
      throw FileError(
        .malformed, path: modelDirectory,
        reason: "the plan was made for other weights (those of \(plan.modelDirectory)): their "
          + "SHA-256 differs",
        remedy: "name that model, or carry the influences over with `peft select … --for MODEL`")
    }
    guard let member = plan.method.misfit(in: model) else { return }
    throw FileError(
      .malformed, path: modelDirectory, place: member.description,
      reason: "the plan trains it, and this model has no such thing",
      remedy: "train with the pooling (--pooling) that was probed with")
  }
}

extension PreparedJob {
  /// Trains, evaluates and writes the run directory `output`.
  ///
  /// - Parameter resolvedSettings: the options as the user gave them, kept beside the results.
  public func run(
    to output: String, overwriting: Bool, resolvedSettings: JSONValue,
    shouldStop: () -> Bool, observe: (TrainingEvent) -> Void
  ) throws -> RunManifest {
    let modelFiles = try Fingerprint.weights(ofModel: job.modelDirectory)
    var directory = try RunDirectory(
      creating: output, overwriting: overwriting, settings: resolvedSettings)
    let outcome = try PEFTTrain.train(
      model, on: train, evaluatingOn: dev, task: task, settings: job.settings,
      shouldStop: shouldStop
    ) { event in
      try directory.record(event)
      observe(event)
    }
    var metrics: [(split: String, values: [(name: String, value: Double)])] = []
    if dev != nil, !outcome.bestMetrics.isEmpty { metrics.append(("dev", outcome.bestMetrics)) }
    if let test, outcome.ending != .interrupted {
      let values = model.evaluate(test, task: task).metrics
      directory.add(values, split: "test", step: outcome.bestStep)
      metrics.append(("test", values))
    }
    let manifest = RunManifest(
      modelDirectory: absolutePath(job.modelDirectory), modelFiles: modelFiles,
      method: job.method, task: task, pooling: job.pooling, maximumLength: maximumLength,
      seed: job.settings.seed, counts: counts, outcome: outcome, metrics: metrics)
    try directory.finish(manifest, model: model)
    return manifest
  }
}
