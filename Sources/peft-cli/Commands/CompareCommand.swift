import ArgumentParser
import Foundation
import PEFTModels
import PEFTRuns
import PEFTSelect
import PEFTStudy
import PEFTTensor
import PEFTTrain

struct CompareCommand: ParsableCommand, SingleProcessCommand {
  static let configuration = CommandConfiguration(
    commandName: "compare",
    abstract: "Trains several methods on one task with the same settings and seeds.",
    discussion: """
      The methods lora and dora use the largest rank that fits --budget; a method that does not fit \
      is marked as over budget. The method plan trains what --plan selects.

      For many tasks and budgets, with statistics, see `peft suite`.

      Example:
        peft compare --model minilm --train train.tsv --seeds 1,2,3 --output cmp
      """)

  /// The options that most jobs need.
  struct Main: ParsableArguments {
    @Option(
      help: "Model directory: config.json, model.safetensors and the tokenizer's files.",
      completion: .directory)
    var model: String

    @Option(help: "Training data; they define the task and its labels.", completion: .file())
    var train: String

    @Option(
      help: "Directory to write; each run gets a directory of its own in it.",
      completion: .directory)
    var output: String

    @OptionGroup var evaluation: EvaluationDataOptions

    @Option(
      help: """
        Methods to compare: \(MethodCatalogue.standard.names.joined(separator: ", ")), plan. \
        (default: lora,bitfit,norm,head,full; a language model has no head)
        """, completion: .list(MethodCatalogue.standard.names))
    var methods: String?

    @Option(
      help: "The plan.json that `peft select` wrote, for the method plan.",
      completion: .file(extensions: ["json"]))
    var plan: String?

    @Option(
      help: """
        Parameters that may train, including the head: a number, or a share such as 0.5%. \
        Without counting the head: 0.01%+head.
        """,
      transform: ParameterBudget.parsed)
    var budget: ParameterBudget?

    @Flag(help: "Replace what is in --output.")
    var overwrite = false

    @Flag(help: "Resume the comparison in --output with the same options; finished runs are kept.")
    var resume = false
  }

  @OptionGroup(title: "Main options") var main: Main
  @OptionGroup(title: "Comparison") var comparison: ComparisonOptions
  @OptionGroup(title: "Training") var training: TrainingOptions
  @OptionGroup var details: TaskDetailOptions
  @OptionGroup(title: "Common") var common: CommonOptions

  /// The requested methods; nil for the usual ones.
  private var names: [String]? { main.methods?.split(separator: ",").map(String.init) }

  func validate() throws {
    if main.resume, main.overwrite {
      throw ValidationError("--resume and --overwrite exclude each other")
    }
    let known = MethodCatalogue.standard.names + [SelectedTuning.name]
    if let wrong = names?.first(where: { !known.contains($0) }) {
      throw ValidationError("--methods \(wrong): there are \(known.joined(separator: ", "))")
    }
    if names?.isEmpty == true { throw ValidationError("--methods: name at least one") }
    if names?.contains(SelectedTuning.name) == true, main.plan == nil {
      throw ValidationError("--plan: name the plan.json for the method plan")
    }
    try comparison.checkRates(
      training, hasDev: main.evaluation.dev != nil || main.evaluation.holdout(usual: .auto) != nil)
  }

  func run() throws {
    try common.start()
    let chosen = try main.plan.map { try Plan.read($0) }
    let base = details.job(
      FullTuning(), model: main.model, train: main.train, evaluation: main.evaluation,
      settings: training.settings, usualHoldout: .auto)
    let prepared = try base.prepare()
    prepared.notes.forEach { common.note($0) }
    let names = try prepared.methodNames(
      self.names, usual: ["lora", "bitfit", "norm", "head", "full"])
    let budget = main.budget.map(prepared.count) ?? chosen?.budget
    let methods = names.compactMap { name in
      name == SelectedTuning.name
        ? chosen.map { Study.Method($0, seconds: $0.probeSeconds) }
        : Study.Method(
          named: name, budget: budget, targets: comparison.targetNames, for: prepared.model)
    }
    let job = ComparisonJob(
      base: base, seeds: comparison.seedList(default: training.seed),
      learningRates: comparison.rates(training))
    try job.check(methods, for: prepared)
    try RunManifest.refuse(main.output)
    let directory = try OutputDirectory.comparison(
      main.output, overwriting: main.overwrite, resuming: main.resume)
    // A comparison that is resumed keeps the environment that its results are bound to.
    if try !directory.has(EnvironmentReport.fileName) {
      try EnvironmentReport.write(to: directory)
    }
    Interruption.watch()
    let session = ComparisonSession(common: common)
    let result = try job.run(
      methods, budget: budget, for: prepared, in: directory, resuming: main.resume,
      shouldStop: { Interruption.isRequested }
    ) { session.show($0) }
    guard let result else { throw Interrupted(run: main.output) }
    if common.json {
      Console.output(result.json)
    } else {
      ComparisonTable(result).lines.forEach { Console.output($0) }
      Console.output(
        "comparison: \(main.output)/\(Comparison.fileName)   "
          + "report: \(main.output)/\(ReportPage.fileName)")
    }
  }
}
