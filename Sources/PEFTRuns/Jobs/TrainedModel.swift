import Foundation
import PEFTData
import PEFTModels
import PEFTNetwork
import PEFTTensor
import PEFTText
import PEFTTrain

/// A model that can predict, from a run directory or from a model directory with a trained head.
public struct TrainedModel {
  /// The model with the trained tensors.
  public let model: TransformerModel
  /// The model's tokenizer.
  public let tokenizer: Tokenizer
  /// The model's task; nil for a language model that no run has given a task.
  public let task: (any PredictionTask)?
  /// The longest sequence, in tokens.
  public let maximumLength: Int
  /// How the training data were read; of a model that no run has trained, nothing is known.
  public var reading = DataReading()
  /// How the model sees conversations, if no run has given it a task; nil if that is not known.
  public var chatTemplate: ChatTemplate?
  /// How often each answer occurs in the training data; nil if it is not known.
  public var trainingTargets: TargetCounts?

  /// A reader of data for the model; `maximumLength` may be shorter than the model's.
  public func reader(
    format: DataFormat?, columns: ColumnSelection?, maximumLength: Int? = nil
  ) throws -> TaskReader {
    if let maximumLength, !(4...self.maximumLength).contains(maximumLength) {
      throw InvalidSetting(
        setting: "max-length", value: maximumLength,
        "here 4 to \(self.maximumLength) tokens are possible")
    }
    return TaskReader(
      isCausal: model.configuration.isCausal, tokenizer: tokenizer, format: format,
      columns: columns, chatTemplate: chatTemplate,
      maximumLength: maximumLength ?? self.maximumLength)
  }

  /// The kind of data for the model's task, or `kind` if the model has no task.
  public func kind(_ kind: TaskKind) -> TaskKind { task.map { TaskKind(type(of: $0)) } ?? kind }

  /// The model's task, with other windows if requested; or the task of the data.
  public func task(
    of rows: TaskReader.Rows, reader: TaskReader, kind: TaskKind, context: Int?, stride: Int?
  ) throws -> any PredictionTask {
    var usual = TextWindows(context: context ?? min(256, maximumLength))
    if let language = task as? LanguageModelling { usual = language.windows }
    if let task, !(task is LanguageModelling) { return task }
    let size = context ?? usual.context
    if let stride, !(1...size).contains(stride) {
      throw InvalidSetting(
        setting: "stride", value: stride, "give 1 to \(size), the length of a window")
    }
    let windows = TextWindows(
      context: size, stride: stride ?? (context == nil ? usual.stride : size))
    let posed = try reader.task(of: rows, kind: self.kind(kind), windows: windows)
    guard posed.isLanguage else {
      throw FileError(
        .unsupported, path: rows.path,
        reason: "labels, and a language model has no head that could predict them",
        remedy: "train one first, or say `task` language")
    }
    return posed
  }

  /// Opens a run directory (with `run.json`) or a model directory (with `config.json`).
  ///
  /// A run refuses a base model whose weights, configuration or tokenizer differ from those it was
  /// trained with. A model directory must contain a language model or have a trained head.
  ///
  /// - Parameters:
  ///   - base: the current directory of a run's base model; nil means its original place.
  ///   - kind: `language` opens a directory of RoBERTa or BERT as the masked language model it was
  ///     trained as, `similarity` and `retrieval` a directory of any model by its embeddings; a run
  ///     has its own task.
  public static func open(
    _ directory: String, base: String? = nil, as kind: TaskKind = .auto
  ) throws(FileError) -> TrainedModel {
    if FileManager.default.fileExists(atPath: directory + "/" + RunManifest.fileName) {
      return try openRun(directory, base: base).trained
    }
    if FileManager.default.fileExists(atPath: directory + "/settings.json") {
      throw FileError(
        .notFound, path: directory + "/run.json",
        reason: "the run is not finished, so nothing complete was saved",
        remedy: "resume it with `resume`")
    }
    return try openModel(directory, kind)
  }

  /// An opened run directory.
  struct OpenedRun {
    /// The model with its method attached.
    let trained: TrainedModel
    /// The manifest of the run.
    let manifest: RunManifest
    /// The files of its base model.
    let base: ModelFiles
    /// The names of the tensors that the base lacks.
    let drawn: [String]
  }

  /// Opens a run directory.
  static func openRun(
    _ directory: String, base: String? = nil
  ) throws(FileError) -> OpenedRun {
    let path = directory + "/" + RunManifest.fileName
    let manifest = try RunManifest.read(directory)
    let base = base ?? manifest.modelDirectory
    guard try DirectoryHandle.entry(base) != nil else {
      throw FileError(
        .notFound, path: base, reason: "the base model of \(path) is missing",
        remedy: "give its directory with `model`")
    }
    let files = ModelFiles(directory: base)
    try verify(files, isBaseOf: manifest, run: path)
    let tensors = try SafetensorsReader(path: directory + "/" + TrainedTensors.fileName)
    try manifest.check(TrainedTensors.fileName, in: directory, is: tensors.digest())
    try manifest.checkFiles(in: directory) {
      RunDirectory.isOpened($0) && $0 != TrainedTensors.fileName
    }
    // Tensors that the base lacks, such as a pooler, are initialised exactly as in the run.
    let generator = SeededGenerator(seed: manifest.seed, purpose: "weights")
    let (model, report) = try TransformerModel.load(
      files: files, output: manifest.task.output(pooling: manifest.pooling), using: generator)
    if let windows = (manifest.task as? LanguageModelling)?.windows,
      windows.context > model.configuration.maximumLength
    {
      throw FileError(
        .malformed, path: path, place: "task",
        reason: "windows of \(windows.context) tokens, and the model takes "
          + "\(model.configuration.maximumLength)", remedy: "train again")
    }
    if let plan = manifest.method as? SelectedTuning, let member = plan.misfittingMember(in: model)
    {
      throw FileError(
        .malformed, path: path, place: "method", reason: "the base has no place for \(member)",
        remedy: "use the model that the run was trained on")
    }
    manifest.method.attach(to: model, using: generator)
    try TrainedTensors.load(tensors, into: model, drawn: report.newlyInitialized)
    let trained = TrainedModel(
      model: model, tokenizer: try model.configuration.tokenizer(files: files),
      task: manifest.task,
      maximumLength: manifest.task is LanguageModelling
        ? model.configuration.maximumLength
        : min(manifest.maximumLength, model.configuration.maximumLength),
      reading: DataReading(manifest), trainingTargets: manifest.checks.trainingTargets)
    return OpenedRun(
      trained: trained, manifest: manifest, base: files, drawn: report.newlyInitialized)
  }

  /// Opens a Hugging Face PEFT adapter or a LoRA file on a base model.
  ///
  /// The head is the adapter's, or the base's if no classifier is stored with the adapter. The
  /// labels of a classifier come from `labels.json` beside the adapter, as an export writes it, or
  /// from the base's `config.json`, provided that their number matches; otherwise they are numbers.
  /// Without `labels.json`, the base's `problem_type` says whether a text may have several.
  ///
  /// - Parameter alpha: α; nil takes it from the adapter's configuration.
  public static func open(
    adapter: String, base: String, alpha: Double? = nil
  ) throws(FileError) -> TrainedModel {
    let file = try AdapterFile(adapter, alpha: alpha)
    let files = ModelFiles(directory: base)
    let configuration = try ModelConfiguration(files: files)
    let output = try Self.output(of: file, on: files, configuration)
    let beside = try AdapterLabels(beside: adapter)
    let thresholds =
      try beside == nil ? Self.thresholds(of: files, output) : beside?.thresholds
    let task = try givenTask(
      output, labels: [beside?.names, configuration.labelNames],
      thresholds: thresholds, temperature: beside?.temperature,
      path: base + "/config.json")
    let (model, report) = try TransformerModel.load(
      files: files, output: output, using: SeededGenerator(seed: 0, purpose: "weights"))
    let supplied = try file.attach(to: model)
    if let name = report.newlyInitialized.first(where: { !supplied.contains($0) }) {
      throw FileError(
        .unsupported, path: adapter,
        reason: "neither it nor \(base) has \(name), which would be random",
        remedy: "use the model that the adapter was trained on, with its head")
    }
    return TrainedModel(
      model: model, tokenizer: try configuration.tokenizer(files: files), task: task,
      maximumLength: configuration.maximumLength)
  }

  private static func openModel(
    _ directory: String, _ kind: TaskKind
  ) throws(FileError) -> TrainedModel {
    let embeds = kind == .auto && EmbeddingSettings.areDescribed(in: directory)
    if embeds || kind == .similarity || kind == .retrieval {
      let task: any PairTask = kind == .retrieval ? Retrieval() : Similarity()
      return try openEmbedder(directory, as: task).trained
    }
    let files = ModelFiles(directory: directory)
    let configuration = try ModelConfiguration(files: files)
    let path = files.path(ModelFiles.configurationName)
    let names = labelNames(of: configuration)
    let output = try kind == .language ? .vocabulary : Self.output(of: files, configuration)
    let (model, report) = try TransformerModel.load(
      files: files, output: output, using: SeededGenerator(seed: 0, purpose: "weights"))
    guard report.newlyInitialized.isEmpty else {
      throw FileError(
        .unsupported, path: directory,
        reason: "it has no trained head: \(report.newlyInitialized.joined(separator: ", ")) "
          + "would be random",
        remedy: "name a run directory, or train first")
    }
    try checkProblem(files, output)
    let tokenizer = try configuration.tokenizer(files: files)
    return TrainedModel(
      model: model, tokenizer: tokenizer,
      task: try givenTask(
        output, labels: [names], thresholds: try thresholds(of: files, output),
        temperature: try temperature(of: files), path: path),
      maximumLength: configuration.maximumLength,
      chatTemplate: try ChatTemplate(files: files, tokenizer: tokenizer))
  }

  /// The names of the rows of a model's classifier. Two rows are transformers' default.
  private static func labelNames(of configuration: ModelConfiguration) -> [String] {
    configuration.labelNames ?? ["LABEL_0", "LABEL_1"]
  }

  /// The output that a checkpoint has a head for; of an encoder, a classifier's in any case.
  private static func output(
    of files: ModelFiles, _ configuration: ModelConfiguration
  ) throws(FileError) -> ModelOutput {
    let count = labelNames(of: configuration).count
    if try isTokenClassifier(files, configuration) { return .tokenClasses(count) }
    let hasClassifier = try hasClassifier(files, configuration)
    return configuration.isCausal && !hasClassifier
      ? .vocabulary : .classes(count, pooling: configuration.usualPooling)
  }

  /// The output of the model for which an adapter was trained. A classifier that is not stored with
  /// it is the base's.
  private static func output(
    of adapter: AdapterFile, on files: ModelFiles, _ configuration: ModelConfiguration
  ) throws(FileError) -> ModelOutput {
    let stored = try adapter.output(for: configuration)
    guard stored == .vocabulary else { return stored }
    let count = labelNames(of: configuration).count
    if adapter.taskType == Similarity.adapterTaskType, try !hasClassifier(files, configuration) {
      return Similarity().output(
        pooling: try EmbeddingSettings(directory: files.directory).pooling)
    }
    let output: ModelOutput
    switch adapter.taskType {
    case "CAUSAL_LM": return .vocabulary
    case "TOKEN_CLS": return .tokenClasses(count)
    case "SEQ_CLS": output = .classes(count, pooling: configuration.usualPooling)
    default:
      output =
        try hasOnlyLanguageHead(files, configuration)
        ? .vocabulary : Self.output(of: files, configuration)
    }
    try checkProblem(files, output)
    return output
  }

  /// Whether a checkpoint says that it is a classifier of tokens.
  private static func isTokenClassifier(
    _ files: ModelFiles, _ configuration: ModelConfiguration
  ) throws(FileError) -> Bool {
    let classes = try files.document(ModelFiles.configurationName)?["architectures"]?.array ?? []
    return classes.contains(.string(configuration.naming.tokenClassifierClass))
  }

  /// Whether a checkpoint has a classifier.
  private static func hasClassifier(
    _ files: ModelFiles, _ configuration: ModelConfiguration
  ) throws(FileError) -> Bool {
    let weights = try files.weights
    return configuration.naming.classifierWeights.contains { weights.entry($0) != nil }
  }

  /// Whether a checkpoint has the head of a masked language model, and no classifier.
  private static func hasOnlyLanguageHead(
    _ files: ModelFiles, _ configuration: ModelConfiguration
  ) throws(FileError) -> Bool {
    if try hasClassifier(files, configuration) { return false }
    let layer = configuration.naming.outputLayer
    let module = layer.lastIndex(of: ".").map { String(layer[...$0]) } ?? layer + "."
    return try files.weights.tensorNames.contains { $0.hasPrefix(module) }
  }

  /// The task of a model with this output; nil for a vocabulary.
  ///
  /// - Parameter labels: candidate names for the classes. The first list of the right length is
  ///   used; if there is none, classes are numbered.
  /// - Parameter thresholds: those of the labels, if a text may have several of them.
  private static func givenTask(
    _ output: ModelOutput, labels: [[String]?], thresholds: [Double]?, temperature: Double?,
    path: String
  ) throws(FileError) -> (any PredictionTask)? {
    if case .pairs = output { return Similarity() }
    guard let count = output.classCount else { return nil }
    let named = labels.compactMap(\.self).first { $0.count == count }
    let names = named ?? (0..<count).map { "LABEL_\($0)" }
    switch output {
    case .classes where thresholds?.count == count:
      return MultiLabelClassification(
        try labelMap(names, path: path), thresholds: thresholds)
    case .classes(1, _): return Regression()
    case .classes:
      return Classification(try labelMap(names, path: path), temperature: temperature)
    case .tokenClasses: return TokenClassification(try labelMap(names, path: path))
    case .pairs, .vocabulary: return nil
    }
  }

  /// The thresholds of a head for any number of labels for each text, one half each if nothing else
  /// is said; nil for other heads.
  private static func thresholds(
    of files: ModelFiles, _ output: ModelOutput
  ) throws(FileError) -> [Double]? {
    guard case .classes(let count, _) = output,
      let document = try files.document(ModelFiles.configurationName),
      document["problem_type"]?.string == "multi_label_classification"
    else { return nil }
    let numbers =
      document[MultiLabelClassification.thresholdsKey]?.array?.compactMap(\.double) ?? []
    return numbers.count == count && numbers.allSatisfy((0...1).contains)
      ? numbers : Array(repeating: 0.5, count: count)
  }

  /// The temperature of a merged model's probabilities; nil if none was fitted.
  private static func temperature(of files: ModelFiles) throws(FileError) -> Double? {
    try files.document(ModelFiles.configurationName)?[Classification.temperatureKey]?.double
      .flatMap { Calibration.temperatures.contains($0) ? $0 : nil }
  }

  /// Refuses a head whose outputs are neither the scores of labels nor one number.
  private static func checkProblem(_ files: ModelFiles, _ output: ModelOutput) throws(FileError) {
    guard case .classes(let count, _) = output else { return }
    let problem = try files.document(ModelFiles.configurationName)?["problem_type"]?.string
    guard problem == "regression", count != 1 else { return }
    throw FileError(
      .unsupported, path: files.path(ModelFiles.configurationName), place: "problem_type",
      reason: "a head with several numbers for each text (\(problem ?? ""))",
      remedy: "use it as the base of a training run, which makes a head of its own")
  }

  /// The classes of a head's rows.
  private static func labelMap(_ names: [String], path: String) throws(FileError) -> LabelMap {
    guard Set(names).count == names.count else {
      throw FileError(
        .malformed, path: path, place: "id2label", reason: "two rows of the head have one name",
        remedy: "give each a name of its own")
    }
    return LabelMap(rowsNamed: names)
  }

  /// Throws if a file differs from the one with which the run was trained, and names it.
  private static func verify(
    _ files: ModelFiles, isBaseOf manifest: RunManifest, run path: String
  ) throws(FileError) {
    guard
      let difference = try files.difference(from: manifest.modelFiles, recipe: manifest.recipe)
    else { return }
    throw FileError(
      .malformed, path: files.path(difference.name),
      reason: "\(path) was trained with other files: \(difference.reason)",
      remedy: "restore the base model, name it with `model`, or train again on this one")
  }
}

extension TrainedModel {
  /// The scores on `data` of an answer that reads no text, from the training data if they are
  /// known, else from `data`; nil for data without labels.
  public func baseline(on data: EncodedDataset, task: any PredictionTask) -> Baseline? {
    task.baseline(
      on: data, from: trainingTargets, maskingWith: TransformerModel.evaluationMasks,
      vocabularySize: model.configuration.vocabularySize)
  }
}
