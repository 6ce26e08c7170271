import Foundation
import PEFTData
import PEFTModels
import PEFTSelect
import PEFTTensor
import PEFTText
import PEFTTrain

/// Trains a language model from scratch, including its vocabulary.
public struct PretrainingJob: Sendable {
  /// The kind of prediction.
  public enum Target: String, CaseIterable, Sendable {
    /// Predict the next token, with a GPT-2.
    case causal
    /// Predict masked tokens, with a RoBERTa.
    case masked
  }

  /// The kind of prediction.
  public var target = Target.causal
  /// The text files to learn from: plain text, one document each, or JSON lines with `text`.
  public var trainPaths: [String] = []
  /// Whether to learn also from the package descriptions of this machine.
  public var usesPackages = false
  /// The text to evaluate on.
  public var devPath: String?
  /// The size of the vocabulary, including special tokens.
  public var vocabularySize = 4096
  /// The width of the residual stream.
  public var hiddenSize = 192
  /// The number of transformer layers.
  public var layerCount = 4
  /// The number of attention heads per layer.
  public var headCount = 4
  /// The longest sequence, in tokens.
  public var context = 128
  /// Whether the final weights are written in half precision.
  public var isHalf = false
  /// The training settings.
  public var settings = TrainingSettings()
  /// The number of steps between checkpoints.
  public var checkpointInterval = 200

  /// A job with the default settings.
  public init() {}

  /// The name of the file that records how a model was made.
  public static let recipeName = "pretraining.json"
}

/// A pretraining job whose data are read.
public struct PreparedPretraining {
  /// The job.
  public let job: PretrainingJob
  /// The output directory.
  let output: OutputDirectory
  /// The model.
  public let model: TransformerModel
  /// The training data.
  public let train: EncodedDataset
  /// The data to evaluate on.
  public let dev: EncodedDataset?
  /// The number of tokens of the training data.
  public let tokenCount: Int
  let checkpoints: CheckpointStore<TrainingState>
  let steps: RunTable
  /// The number of steps already taken.
  public let stepsDone: Int
  /// Messages for the user.
  public let notes: [String]
  fileprivate let state: Handover<TrainingState>

  /// The task of the data.
  var task: any PredictionTask { LanguageModelling(TextWindows(context: job.context)) }
}

extension PretrainingJob {
  /// The content of `pretraining.json` of a finished run in `output`; nil if there is no finished
  /// run. Throws if the run had other options or other text.
  public func finishedRun(in output: String) throws -> JSONObject? {
    let path = output + "/" + Self.recipeName
    guard !Self.exists(TrainingState.manifestName, in: output),
      Self.exists(Self.recipeName, in: output), Self.exists("model.safetensors", in: output)
    else { return nil }
    let document = try JSONValue(contentsOf: path).object ?? [:]
    let recipe = try recipe(of: rows())
    var found = JSONObject()
    for key in recipe.keys + [Self.accumulationKey] { found[key] = document[key] }
    try Recipe.check(found, is: recipe, path: path)
    try CheckpointStore<TrainingState>.tidy(output, as: .pretraining)
    return document
  }

  /// Opens `output`. With `resuming`, a directory from an earlier version, which wrote no marker,
  /// is recognised by its checkpoints.
  private func open(_ output: String, resuming: Bool) throws(FileError) -> OutputDirectory {
    try OutputDirectory(output, as: .pretraining) { () throws(FileError) in
      guard resuming,
        let states = try CheckpointStore<TrainingState>.fileNames(in: output)
      else { return nil }
      return states + Self.ownFiles
    }
  }

  /// Reads the data, learns the vocabulary, and writes the vocabulary's files and `config.json`
  /// into `path`, a new or empty directory. With `resuming`, continues the interrupted run there,
  /// or begins one if there is no checkpoint.
  public func prepare(
    output path: String, resuming: Bool, overwriting: Bool
  ) throws -> PreparedPretraining {
    // Create a missing directory only when it is certain that something will be written into it.
    let isNew = try DirectoryHandle.entry(path) == nil
    let present = isNew ? nil : try open(path, resuming: resuming)
    let rows = try rows()
    let recipe = try recipe(of: rows)
    var checkpoints =
      resuming ? try CheckpointStore<TrainingState>.open(path, recipe: recipe) : nil
    if let present, checkpoints == nil {
      try Self.check(present, overwriting: overwriting, resuming: resuming)
    }
    let template: SpecialTokenTemplate = target == .causal ? .gpt2 : .roberta
    let vocabulary =
      checkpoints != nil
      ? nil
      : try ByteLevelBPETrainer.train(
        texts: rows.examples.map(\.text), vocabularySize: vocabularySize,
        specialTokens: template.specialTokens)
    let tokenizer =
      try vocabulary?.tokenizer(template: template) ?? Tokenizer.load(directory: path)
    let configuration = try configuration(tokenizer)
    let windows = TextWindows(context: context)
    let reader = TaskReader(
      isCausal: configuration.isCausal, tokenizer: tokenizer, maximumLength: context)
    let train = try LanguageModelling(windows).encode(rows, by: reader)
    let dev = try devPath.map {
      try LanguageModelling(windows).encode(reader.rows($0, kind: .language), by: reader)
    }
    try checkMemory(configuration, train)
    let model = TransformerModel(configuration: configuration, output: .vocabulary)
    model.initializeWeights(using: SeededGenerator(seed: settings.seed, purpose: "weights"))
    let output = if let present { present } else { try open(path, resuming: resuming) }
    let saved = try checkpoints?.load(for: (model, plannedSteps(data: train, settings: settings)))
    if let vocabulary {
      try output.begin(overwriting: true)
      try output.claim(Self.ownFiles)
      try vocabulary.write(to: path, template: template, maximumLength: context)
      try JSONFile.write(configuration.json, to: output.file("config.json"))
    } else {
      try output.claim(Self.ownFiles)
    }
    return PreparedPretraining(
      job: self, output: output, model: model, train: train, dev: dev,
      tokenCount: train.lengths.reduce(0, +),
      checkpoints: checkpoints ?? CheckpointStore(directory: path, recipe: recipe),
      steps: try Self.steps(in: output, from: saved), stepsDone: saved?.state.step ?? 0,
      notes: saved?.warning.map { [$0] } ?? [], state: Handover(saved?.state))
  }

  /// The table of steps, up to a saved state.
  private static func steps(
    in output: OutputDirectory, from saved: CheckpointStore<TrainingState>.Saved?
  ) throws(FileError) -> RunTable {
    let path = try output.file(StepRow.tableName)
    guard let saved else {
      return try RunTable(creating: path, header: StepRow.header + ",seconds")
    }
    if let mark = saved.marks[StepRow.tableName] { return try RunTable(reopening: path, at: mark) }
    // An earlier version recorded no marks.
    let count = try StepRow.read(path).prefix { $0.step <= saved.state.step }.count
    return try RunTable(reopening: path, keepingRows: count)
  }

  private func configuration(_ tokenizer: Tokenizer) throws -> ModelConfiguration {
    guard hiddenSize % headCount == 0 else {
      throw InvalidSetting("`heads` \(headCount) does not divide `hidden-size` \(hiddenSize)")
    }
    switch target {
    case .causal:
      return .gpt2(
        GPT2Configuration(
          vocabularySize: tokenizer.vocabularySize, hiddenSize: hiddenSize, layerCount: layerCount,
          headCount: headCount, positionCount: context,
          endID: tokenizer.special.end.map { Int($0) }))
    case .masked:
      return .encoder(
        .roberta(
          vocabularySize: tokenizer.vocabularySize, hiddenSize: hiddenSize, layerCount: layerCount,
          headCount: headCount, context: context,
          paddingID: Int(tokenizer.special.padding ?? 1)))
    }
  }

  /// The documents, in the order of the files.
  private func rows() throws -> TaskReader.Rows {
    var examples: [TextExample] = []
    for path in trainPaths {
      let format: DataFormat? = path.lowercased().hasSuffix(".txt") ? .text : nil
      let read = try DataReader.read(path: path, format: format)
      if let pair = read.first(where: { $0.pair != nil }) {
        throw FileError(
          .malformed, path: path, place: "line \(pair.line)",
          reason: "two texts instead of one", remedy: "give files with one text on each line")
      }
      examples += read
    }
    if usesPackages {
      var known = Set<String>()
      examples += try PackageIndex.load().records.map(\.description).sorted().filter {
        known.insert($0).inserted
      }.map { TextExample(text: $0, line: 0) }
    }
    guard examples.contains(where: { !$0.text.isEmpty }) else {
      throw InvalidSetting("`train` or `packages`: there is no text to learn from")
    }
    return TaskReader.Rows(examples: examples, path: trainPaths.first ?? "`packages`")
  }

  private static func exists(_ name: String, in output: String) -> Bool {
    FileManager.default.fileExists(atPath: output + "/" + name)
  }

  /// The files of a finished run.
  private static let ownFiles = [
    "vocab.json", "merges.txt", "tokenizer.json", "tokenizer_config.json", "config.json",
    "steps.csv", "model.safetensors", recipeName,
  ]

  /// Throws if existing files are in the way; with `resuming`, only a finished model is.
  private static func check(
    _ output: OutputDirectory, overwriting: Bool, resuming: Bool
  ) throws(FileError) {
    let name = try output.listed()
    let isInTheWay = resuming ? try output.has(recipeName) : true
    guard !overwriting, isInTheWay, let name else { return }
    throw FileError(
      .storage, path: output.path, reason: "there is a \(name) in it already",
      remedy: "name another directory, add `overwrite`, or resume with `resume`")
  }

  /// Throws if the run would not fit into memory, before any memory is allocated for the model.
  private func checkMemory(
    _ configuration: ModelConfiguration, _ train: EncodedDataset
  ) throws(InsufficientMemory) {
    let tokens =
      computedBatches(data: train, settings: settings, epoch: 0).lazy.map { batch in
        batch.reduce(0) { $0 + train.lengths[$1] }
      }.max() ?? 0
    try MemoryForecast(pretraining: configuration, tokens: tokens, keepsBest: devPath != nil)
      .check()
  }

  private var recipe: JSONObject {
    var recipe: JSONObject = [
      Recipe.versionKey: .integer(Recipe.version), "target": .string(target.rawValue),
      "vocabularySize": .integer(vocabularySize),
      "hiddenSize": .integer(hiddenSize), "layers": .integer(layerCount),
      "heads": .integer(headCount), "context": .integer(context),
      "learningRate": .number(settings.learningRate),
      "warmup": .number(settings.warmupFraction), "schedule": .string(settings.decay.rawValue),
      "weightDecay": .number(settings.optimizer.weightDecay),
      Recipe.decayScopeKey: .string(settings.optimizer.decayScope.rawValue),
      "evaluateEvery": settings.evaluationInterval.map { .integer($0) } ?? .null,
      "length": settings.length.json, "batches": settings.batches.size.json,
      "seed": .string(String(settings.seed)), "dropout": .bool(settings.usesDropout),
      "packages": .bool(usesPackages), "half": .bool(isHalf),
      "files": .array(trainPaths.map { .string(($0 as NSString).lastPathComponent) }),
    ]
    if settings.accumulation > 1 {
      recipe[Self.accumulationKey] = .integer(settings.accumulation)
    }
    return recipe
  }

  /// The key of the number of batches in a step, in the recipes of jobs that have several.
  private static let accumulationKey = "accumulate"
}

extension PretrainingJob {
  /// Everything that distinguishes a run on these texts: settings and digests of its inputs.
  private func recipe(of rows: TaskReader.Rows) throws(FileError) -> JSONObject {
    var recipe = recipe
    recipe["data"] = .string(Fingerprint.of(rows.examples.map(\.text)))
    if let devPath {
      recipe["devData"] = .string(try Fingerprint.file(devPath))
    } else {
      recipe["devData"] = .null
    }
    return recipe
  }
}

extension PreparedPretraining {
  /// Trains, writes checkpoints at intervals, and writes the weights and `pretraining.json` at the
  /// end.
  ///
  /// - Returns: nil if the run was stopped; its state is in the checkpoint.
  public func run(
    shouldStop: () -> Bool, observe: (TrainingEvent) -> Void
  ) throws -> TrainingOutcome? {
    var (checkpoints, steps) = (checkpoints, steps)
    let outcome = try PEFTTrain.train(
      model, on: train, evaluatingOn: dev, task: task, settings: job.settings, from: state.take(),
      checkpoints: job.checkpointInterval, savesEnd: true,
      save: { state in
        try steps.synchronize()
        try checkpoints.save(state, marks: [StepRow.tableName: steps.mark], into: output)
      }, shouldStop: shouldStop
    ) { event in
      if case .step(let report) = event {
        try steps.append(StepRow.text(report) + ",\(report.seconds)")
      }
      observe(event)
    }
    guard outcome.ending != .interrupted else { return nil }
    try steps.synchronize()
    try model.writeWeights(to: output.path, as: job.isHalf ? .float16 : .float32)
    let rows = try StepRow.read(output.file(StepRow.tableName))
    var document = checkpoints.recipe
    document["parameters"] = .integer(model.parameterCount)
    document["tokensSeen"] = .integer(rows.reduce(0) { $0 + $1.tokens })
    document["steps"] = .integer(outcome.steps)
    document["bestStep"] = .integer(outcome.bestStep)
    document["seconds"] = .number(outcome.seconds)
    document["curve"] = Self.means(rows)
    document["environment"] = EnvironmentReport.json
    if !outcome.bestMetrics.isEmpty { document["dev"] = RunManifest.json(of: outcome.bestMetrics) }
    try JSONFile.write(.object(document), to: output.file(PretrainingJob.recipeName))
    try CheckpointStore<TrainingState>.remove(from: output)
    return outcome
  }

  /// At most 100 pairs of a step and the mean loss since the step of the preceding pair.
  private static func means(_ rows: [StepRow]) -> JSONValue {
    let size = max(1, (rows.count + 99) / 100)
    return .array(
      stride(from: 0, to: rows.count, by: size).map { start in
        let part = rows[start..<min(rows.count, start + size)]
        let mean = part.reduce(0) { $0 + $1.loss } / Double(part.count)
        return .array([
          .integer(part[part.endIndex - 1].step), .number((1e4 * mean).rounded() / 1e4),
        ])
      })
  }
}

/// Holds a value that can be taken once, so that no other reference keeps it alive.
fileprivate final class Handover<Value> {
  private var value: Value?

  init(_ value: Value?) { self.value = value }

  func take() -> Value? { value.take() }
}
