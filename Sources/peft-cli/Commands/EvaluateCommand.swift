import ArgumentParser
import PEFTData
import PEFTModels
import PEFTRuns
import PEFTTensor

struct EvaluateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Evaluates a run, a model with a trained head, or a language model on data.",
    discussion: """
      A run reads format and columns as it did in training, unless they are given.

      Example:
        peft evaluate runs/lora --data test.tsv
      """)

  @Argument(
    help: "Run directory, model directory with a trained head, or that of a causal language model.",
    completion: .directory)
  var model: String

  /// The options that most jobs need.
  struct Main: ParsableArguments {
    @Option(
      name: .customLong("data"),
      help: """
        Data to evaluate on: labelled data, running text, or prompts with completions; - is \
        standard input.
        """, completion: .file())
    var dataPath: String

    @Flag(
      help: """
        For prompts with completions: generate one completion for each distinct prompt, and \
        compare it with all references (BLEU, ROUGE, NIST).
        """)
    var generate = false

    @Option(
      help: "With --generate: new file to write the texts to, as JSON lines.", completion: .file())
    var texts: String?

    @Option(help: "With --generate: seed of the sampling.")
    var seed: UInt64 = 1
  }

  @OptionGroup(title: "Main options") var main: Main
  @OptionGroup(title: "Main options") var threshold: ThresholdOptions
  @OptionGroup(title: "Base and adapter") var adapters: AdapterOptions
  @OptionGroup(title: "Data") var data: DataOptions
  @OptionGroup(title: "Data") var kind: TaskKindOptions
  @OptionGroup(title: "Generation") var generation: GenerationOptions
  @OptionGroup(title: "Common") var common: CommonOptions

  func validate() throws {
    if main.texts != nil, !main.generate {
      throw ValidationError("--texts: it goes with --generate")
    }
  }

  func run() throws {
    try common.start()
    if let texts = main.texts, try DirectoryHandle.entry(texts) != nil {
      throw FileError(
        .storage, path: texts, reason: "something with this name already exists",
        remedy: "name another file with --texts")
    }
    var trained = try adapters.open(model, as: kind.task)
    if let name = kind.chatTemplate { trained.chatTemplate = ChatTemplate(name) }
    let data = try trained.data(
      at: main.dataPath, format: data.format, columns: data.columns,
      kind: trained.kind(kind.task), maximumLength: kind.maxLength, needsLabels: true)
    let (rows, reader) = (data.rows, data.reader)
    data.notes.forEach { common.note($0) }
    DataReader.warnings(about: rows.examples, path: rows.path).forEach { common.note($0) }
    let task = try threshold.applied(
      to: trained.task(
        of: rows, reader: reader, kind: kind.task, context: kind.maxLength, stride: kind.stride))
    let encoded = try task.encode(rows, by: reader)
    DataSummary(
      rows, as: task, encoded: encoded, maximumLength: reader.maximumLength,
      lengthLimit: trained.maximumLength > reader.maximumLength ? trained.maximumLength : nil
    ).lines.forEach { common.note($0) }
    if let message = task.calibrationNote { common.note(message) }
    if let note = task.classes?.note(about: rows.examples, path: rows.path) { common.note(note) }
    if let windows = (task as? LanguageModelling)?.windows {
      common.note(
        "running text in windows of \(windows.context) tokens, one every \(windows.stride)")
    }
    Interruption.watch()
    let shouldStop = { Interruption.isRequested }
    let interruption = InterruptedEarly(description: "interrupted; an evaluation saves nothing")
    guard
      let evaluation = trained.model.evaluate(encoded, task: task, shouldStop: shouldStop)
    else { throw interruption }
    var metrics = evaluation.metrics
    let judged = JudgedEvaluation(evaluation, of: trained, on: encoded, task: task)
    judged.warnings.forEach { common.note("warning: " + $0) }
    var signature: String?
    if main.generate {
      guard task is Completion else {
        throw InvalidSetting("--generate: it is for prompts with completions")
      }
      guard
        let written = try WrittenTexts(
          TextWriter(trained, task: task, name: model), rows: rows,
          settings: generation.settings(seed: main.seed), shouldStop: shouldStop)
      else { throw interruption }
      metrics += written.metrics.values
      signature = written.metrics.signature
      if let texts = main.texts { try written.write(to: texts) }
    }
    if common.json {
      var document: JSONObject = [
        "metrics": RunManifest.json(of: metrics), "examples": .integer(encoded.count),
        "signature": signature.map { .string($0) } ?? .null,
      ]
      judged.add(to: &document)
      Console.output(.object(document))
      return
    }
    judged.lines(metrics).forEach { Console.output($0) }
    if let signature { Console.output("BLEU \(signature)") }
    Console.output("\(encoded.count.grouped) examples")
  }
}
