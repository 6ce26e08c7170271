import Foundation
import PEFTData
import PEFTModels
import PEFTSelect
import PEFTTensor
import PEFTText
import PEFTTrain

/// A language model from scratch: vocabulary, weights and all.
public struct PretrainingJob: Sendable {
  /// What is predicted.
  public enum Target: String, CaseIterable, Sendable {
    /// The next token, by a GPT-2.
    case causal
    /// Hidden tokens, by a RoBERTa.
    case masked
  }

  /// What is predicted.
  public var target = Target.causal
  /// Files of text to learn from: plain text, one document each, or JSON lines with `text`.
  public var trainPaths: [String] = []
  /// Whether to learn from the descriptions of this machine's packages too.
  public var usesPackages = false
  /// Text to evaluate on.
  public var devPath: String?
  /// Tokens of the vocabulary, special ones included.
  public var vocabularySize = 4096
  /// Width of the residual stream.
  public var hiddenSize = 192
  /// Transformer layers.
  public var layerCount = 4
  /// Attention heads of a layer.
  public var headCount = 4
  /// The longest sequence, in tokens.
  public var context = 128
  /// Whether the finished weights are written in half precision.
  public var isHalf = false
  /// How it trains.
  public var settings = TrainingSettings()
  /// Steps between checkpoints.
  public var checkpointInterval = 200

  /// A job with the defaults.
  public init() {}

  /// The file that tells how a model came about.
  public static let recipeName = "pretraining.json"
}

/// A pretraining whose data are read.
public struct PreparedPretraining {
  /// The job.
  public let job: PretrainingJob
  /// The directory that is being written.
  let output: OutputDirectory
  /// The model.
  public let model: TransformerModel
  /// Its data.
  public let train: EncodedDataset
  /// The data to evaluate on.
  public let dev: EncodedDataset?
  /// Tokens of the training data.
  public let tokenCount: Int
  /// Everything that distinguishes this run: settings and digests of its inputs.
  let recipe: JSONObject
  let checkpoints: CheckpointStore
  /// Steps that are done already.
  public let stepsDone: Int
  fileprivate let state: Handover<TrainingState>

  /// The task that the data pose.
  var task: any PredictionTask { LanguageModelling(TextWindows(context: job.context)) }
}

extension PretrainingJob {
  /// `pretraining.json` of a run in `output` that has ended; nil where it has not. Throws where its
  /// options were others, or its text.
  public func finishedRun(in output: String) throws -> JSONObject? {
    let path = output + "/" + Self.recipeName
    guard !Self.exists(CheckpointStore.manifestName, in: output),
      Self.exists(Self.recipeName, in: output), Self.exists("model.safetensors", in: output)
    else { return nil }
    let document = try JSONValue(contentsOf: path).object ?? [:]
    let recipe = try recipe(of: rows())
    var found = JSONObject()
    for key in recipe.keys { found[key] = document[key] }
    try Recipe.check(found, is: recipe, path: path)
    // Another process at work there needs no help.
    if OutputMarker(directory: output).isThere, let own = try? open(output, resuming: true) {
      try CheckpointStore.remove(from: own)
      try own.settle()
    }
    return document
  }

  /// Opens `output`. One that an earlier version wrote, which made no marker, is
  /// known by its checkpoints.
  private func open(_ output: String, resuming: Bool) throws(FileError) -> OutputDirectory {
    try OutputDirectory(output, as: .pretraining) { () throws(FileError) in
      guard resuming, Self.exists(CheckpointStore.manifestName, in: output),
        let document = try? JSONValue(contentsOf: output + "/" + CheckpointStore.manifestName),
        document["states"]?.array != nil, document["recipe"]?["vocabularySize"] != nil
      else { return nil }
      return try DirectoryHandle(output).names().filter(CheckpointStore.isState)
        + [CheckpointStore.manifestName] + Self.ownFiles
    }
  }

  /// Reads the data, learns the vocabulary and writes its files and `config.json` into `path`, a
  /// new or empty directory; or goes on where an earlier run there was ended, and begins where
  /// there is nothing to go on from.
  public func prepare(
    output path: String, resuming: Bool, overwriting: Bool
  ) throws -> PreparedPretraining {
    // A directory that is not there is made when it is known that something goes into it.
    let isNew = try DirectoryHandle.entry(path) == nil
    let present = isNew ? nil : try open(path, resuming: resuming)
    let isBegun = try resuming && present?.has(CheckpointStore.manifestName) == true
    if let present, !isBegun {
      try Self.check(present, overwriting: overwriting, resuming: resuming)
    }
    let rows = try rows()
    let texts = rows.examples.map(\.text)
    let template: SpecialTokenTemplate = target == .causal ? .gpt2 : .roberta
    let vocabulary =
      isBegun
      ? nil
      : try ByteLevelBPETrainer.train(
        texts: texts, vocabularySize: vocabularySize, specialTokens: template.specialTokens)
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
    let recipe = try recipe(of: rows)
    try checkMemory(configuration, train)
    let model = TransformerModel(configuration: configuration, output: .vocabulary)
    model.initializeWeights(using: SeededGenerator(seed: settings.seed, purpose: "weights"))
    let output = if let present { present } else { try open(path, resuming: resuming) }
    if let vocabulary {
      try output.begin(overwriting: true)
      try output.claim(Self.ownFiles)
      try LossCurve(path: output.file("steps.csv"), keepingUpTo: 0).write()
      try vocabulary.write(to: path, template: template, maximumLength: context)
      try JSONFile.write(configuration.json, to: output.file("config.json"))
    } else {
      try output.claim(Self.ownFiles)
    }
    var checkpoints = isBegun ? try CheckpointStore.open(path, recipe: recipe) : nil
    let steps = plannedSteps(data: train, settings: settings)
    let state = try checkpoints?.load(for: model, plannedSteps: steps).state
    return PreparedPretraining(
      job: self, output: output, model: model, train: train, dev: dev,
      tokenCount: train.lengths.reduce(0, +), recipe: recipe,
      checkpoints: checkpoints ?? CheckpointStore(directory: path, recipe: recipe),
      stepsDone: state?.step ?? 0, state: Handover(state))
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

  /// What a finished run leaves.
  private static let ownFiles = [
    "vocab.json", "merges.txt", "tokenizer.json", "tokenizer_config.json", "config.json",
    "steps.csv", "model.safetensors", recipeName,
  ]

  /// Throws where something is in the way: with `resuming` only a model that is finished.
  private static func check(
    _ output: OutputDirectory, overwriting: Bool, resuming: Bool
  ) throws(FileError) {
    let there = resuming ? [recipeName] : ownFiles
    for name in there where try output.has(name) {
      guard !overwriting else { return }
      throw FileError(
        .storage, path: output.path, reason: "there is a \(name) in it already",
        remedy: "name another directory, add `overwrite`, or resume with `resume`")
    }
  }

  /// Throws where the run would not fit, before any memory is taken for the model.
  private func checkMemory(
    _ configuration: ModelConfiguration, _ train: EncodedDataset
  ) throws(InsufficientMemory) {
    let tokens =
      epochBatches(data: train, settings: settings, epoch: 0).lazy.map { batch in
        batch.reduce(0) { $0 + train.lengths[$1] }
      }.max() ?? 0
    try MemoryForecast(pretraining: configuration, tokens: tokens, keepsBest: devPath != nil)
      .check()
  }

  private var recipe: JSONObject {
    [
      Recipe.versionKey: .integer(Recipe.version), "target": .string(target.rawValue),
      "vocabularySize": .integer(vocabularySize),
      "hiddenSize": .integer(hiddenSize), "layers": .integer(layerCount),
      "heads": .integer(headCount), "context": .integer(context),
      "learningRate": .number(settings.learningRate),
      "warmup": .number(settings.warmupFraction), "schedule": .string(settings.decay.rawValue),
      "weightDecay": .number(settings.optimizer.weightDecay),
      "evaluateEvery": settings.evaluationInterval.map { .integer($0) } ?? .null,
      "length": settings.length.json, "batches": settings.batches.size.json,
      "seed": .string(String(settings.seed)), "dropout": .bool(settings.usesDropout),
      "packages": .bool(usesPackages), "half": .bool(isHalf),
      "files": .array(trainPaths.map { .string(($0 as NSString).lastPathComponent) }),
    ]
  }
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
  /// Trains, writes a checkpoint now and then, and the weights and `pretraining.json` at the end.
  ///
  /// - Returns: nil where it was stopped; the checkpoint has the state.
  public func run(
    shouldStop: () -> Bool, observe: (TrainingEvent) -> Void
  ) throws -> TrainingOutcome? {
    var checkpoints = checkpoints
    var curve = try LossCurve(path: try output.file("steps.csv"), keepingUpTo: stepsDone)
    let outcome = try PEFTTrain.train(
      model, on: train, evaluatingOn: dev, task: task, settings: job.settings, from: state.take(),
      checkpoints: job.checkpointInterval, savesEnd: true,
      save: { state in
        // First, for a table that has more steps than the state is cut, and one
        // that has less stays so.
        try curve.write()
        try checkpoints.save(state, of: model, into: output)
      }, shouldStop: shouldStop
    ) { event in
      if case .step(let report) = event { curve.append(report) }
      if case .evaluation = event { try curve.write() }
      observe(event)
    }
    try curve.write()
    guard outcome.ending != .interrupted else { return nil }
    try model.writeWeights(to: output.path, as: job.isHalf ? .float16 : .float32)
    var document = recipe
    document["parameters"] = .integer(model.parameterCount)
    document["tokensSeen"] = .integer(curve.tokens)
    document["steps"] = .integer(outcome.steps)
    document["bestStep"] = .integer(outcome.bestStep)
    document["seconds"] = .number(curve.seconds)
    document["curve"] = curve.means
    document["environment"] = EnvironmentReport.json
    if !outcome.bestMetrics.isEmpty { document["dev"] = RunManifest.json(of: outcome.bestMetrics) }
    try JSONFile.write(.object(document), to: output.file(PretrainingJob.recipeName))
    try CheckpointStore.remove(from: output)
    try output.settle()
    return outcome
  }
}

/// Something that is given away once, so that nobody else keeps it.
fileprivate final class Handover<Value> {
  private var value: Value?

  init(_ value: Value?) { self.value = value }

  func take() -> Value? { value.take() }
}

/// Loss by step, as a table on disk that outlives an interruption.
private struct LossCurve {
  private static let header = "step,loss,learning_rate,gradient_norm,tokens,seconds"
  let path: String
  private var lines: [String]
  private(set) var tokens = 0
  private(set) var seconds = 0.0

  /// The most steps of a run, and tokens of a step; 64 bits hold their product.
  private static let limits = (steps: 1 << 31, tokens: 1 << 31)

  /// The curve in the file up to a step; empty before the first.
  ///
  /// Throws `malformed`, with the line, for a row that `append` would not have written.
  init(path: String, keepingUpTo step: Int) throws(FileError) {
    self.path = path
    lines = []
    guard step > 0 else { return }
    var last = 0
    let columns = Self.header.split(separator: ",").map(String.init)
    let text = String(decoding: try FileContents.read(path), as: UTF8.self)
    for (index, line) in text.split(separator: "\n").enumerated().dropFirst() {
      let cells = line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
      let numbers = CheckedNumbers(
        cells: cells.count == columns.count
          ? Dictionary(uniqueKeysWithValues: zip(columns, cells)) : [:],
        path: path, place: "line \(index + 1)",
        remedy: "restore the file, or begin again with `overwrite`")
      let number = try numbers.count("step", in: 1...Self.limits.steps)
      _ = try numbers.number("loss")
      let count = try numbers.count("tokens", in: 0...Self.limits.tokens)
      let duration = try numbers.seconds("seconds")
      guard number <= step else { break }
      guard number > last else {
        throw FileError(
          .malformed, path: path, place: "line \(index + 1)",
          reason: "step \(number) comes after step \(last)",
          remedy: "restore the file, or begin again with `overwrite`")
      }
      last = number
      tokens += count
      seconds += duration
      lines.append(String(line))
    }
  }

  mutating func append(_ report: StepReport) {
    let numbers = report.numbers
    lines.append(
      "\(numbers.step),\(numbers.loss),\(numbers.learningRate),\(numbers.gradientNorm),"
        + "\(report.tokens),\(report.seconds)")
    tokens += report.tokens
    seconds += report.seconds
  }

  /// At most 100 pairs of a step and the mean loss of the steps from the pair before up to it.
  var means: JSONValue {
    let size = max(1, (lines.count + 99) / 100)
    return .array(
      stride(from: 0, to: lines.count, by: size).map { start in
        let part = lines[start..<min(lines.count, start + size)].map {
          $0.split(separator: ",").map { Double($0) ?? .nan }
        }
        let mean = part.reduce(0) { $0 + $1[1] } / Double(part.count)
        return .array([
          .integer(Int(saturating: part[part.count - 1][0])), .number((1e4 * mean).rounded() / 1e4),
        ])
      })
  }

  func write() throws(FileError) {
    let text = ([Self.header] + lines).joined(separator: "\n") + "\n"
    try AtomicFile.write(Array(text.utf8), to: path)
  }
}
