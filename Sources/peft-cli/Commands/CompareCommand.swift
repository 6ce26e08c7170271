import ArgumentParser
import Foundation
import PEFTModels
import PEFTRuns
import PEFTSelect
import PEFTStudy
import PEFTTensor
import PEFTTrain

struct CompareCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compare",
    abstract:
      "Trains several methods with the same settings and several seeds, on one task or a suite.",
    discussion: """
      The methods lora and dora use the rank whose size is nearest to --budget. The method plan \
      trains what --plan selects.

      A suite is a YAML file with models, tasks, training settings, seeds, learning rates, budgets, \
      probes and methods. When all its runs are done, the command writes results.csv, suite.json \
      and report.html. Several processes can share the work in one --output with --shard 1/4, 2/4 \
      and so on; --merge then collects the results.

      Examples:
        peft compare --suite Benchmarks/comparison/small.yaml --output runs/suite
        peft compare --model minilm --train train.tsv --dev dev.tsv --test test.tsv \\
          --plan runs/probe/plan.json --methods plan,lora,bitfit,head --seeds 1,2,3 \\
          --budget 0.5% --output runs/compare
      """)

  /// The options that most jobs need.
  struct Main: ParsableArguments {
    @Option(help: "Directory to write; each run gets a directory of its own in it.")
    var output: String

    @Option(help: "Model directory: config.json, model.safetensors and the tokenizer's files.")
    var model: String?

    @Option(help: "Training data; they define the task and its labels.")
    var train: String?

    @Option(
      help: """
        YAML file of a suite, instead of --model and --train. It defines everything that is \
        compared, so only --output and the options for shards go with it.
        """)
    var suite: String?

    @OptionGroup var evaluation: EvaluationDataOptions

    @Option(
      help: """
        Methods to compare: \(MethodCatalogue.standard.names.joined(separator: ", ")), plan. \
        (default: lora,bitfit,norm,head,full; a language model has no head)
        """)
    var methods: String?

    @Option(help: "The plan.json that `peft select` wrote, for the method plan.")
    var plan: String?

    @Option(
      help: "Parameters that may train, including the head: a number, or a share such as 0.5%.")
    var budget: ParameterBudget?

    @Flag(help: "Replace what is in --output.")
    var overwrite = false

    @Flag(help: "Resume the comparison in --output with the same options; finished runs are kept.")
    var resume = false

    @Option(help: "With --suite: run only this part of its rows, such as 2/4.")
    var shard: String?

    @Flag(
      help: """
        With --suite: train nothing; collect the results of the shards, and run only the probes \
        that the suite's claims need.
        """)
    var merge = false
  }

  @OptionGroup(title: "Main options") var main: Main
  @OptionGroup(title: "Comparison") var comparison: ComparisonOptions
  @OptionGroup(title: "Training") var training: TrainingOptions
  @OptionGroup var details: TaskDetailOptions
  @OptionGroup(title: "Common") var common: CommonOptions

  /// The methods asked for; nil for the usual ones.
  private var names: [String]? { main.methods?.split(separator: ",").map(String.init) }

  func validate() throws {
    if main.suite != nil { return try validateSuite() }
    if main.shard != nil || main.merge {
      throw ValidationError("--shard and --merge: name the --suite")
    }
    if main.model == nil {
      throw ValidationError("--model: name the model directory, or a --suite")
    }
    if main.train == nil { throw ValidationError("--train: name the data to train on") }
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
    try comparison.checkRates(training, dev: main.evaluation.dev)
  }

  private func validateSuite() throws {
    if let shard = main.shard, SuiteShard(shard) == nil {
      throw ValidationError("--shard \(shard): give a part and the number of parts, such as 2/4")
    }
    if main.merge, main.shard != nil || main.overwrite {
      throw ValidationError("--merge: it trains nothing; leave out --shard and --overwrite")
    }
    if main.overwrite, main.shard != nil {
      throw ValidationError("--shard: other processes work in --output too; leave out --overwrite")
    }
    if main.resume, main.overwrite {
      throw ValidationError("--resume and --overwrite exclude each other")
    }
    let allowed = [
      "suite", "shard", "merge", "output", "overwrite", "resume", "json", "quiet", "workers",
    ]
    // With what a configuration file adds.
    let arguments = try ConfigurationFile.merge(Array(CommandLine.arguments.dropFirst()))
    let options = CommandInterface.all.first { $0.name == Self._commandName }?.options ?? []
    for option in options
    where !allowed.contains(option.name)
      && ConfigurationFile.stands(option.name, in: arguments)
    {
      throw ValidationError("--\(option.name): with --suite, set this in the suite's file")
    }
  }

  func run() throws {
    if let suite = main.suite {
      return try SuiteSession(
        suite: try SuiteFile.read(suite), output: main.output,
        overwrite: main.overwrite, resume: main.resume,
        shard: main.shard.flatMap(SuiteShard.init), merge: main.merge, common: common
      ).run()
    }
    try common.start()
    guard let model = main.model, let train = main.train else { return }
    let chosen = try main.plan.map { try Plan.read($0) }
    let base = details.job(
      FullTuning(), model: model, train: train, evaluation: main.evaluation,
      settings: training.settings(usualLearningRate: 1e-3))
    let prepared = try base.prepare()
    prepared.notes.forEach { common.note($0) }
    let names = try prepared.methodNames(
      self.names, usual: ["lora", "bitfit", "norm", "head", "full"])
    try RunManifest.refuse(main.output)
    let directory = try OutputDirectory.comparison(
      main.output, overwriting: main.overwrite, resuming: main.resume)
    try EnvironmentReport.write(to: directory)
    let budget = main.budget?.count(of: prepared.counts.parameters) ?? chosen?.budget
    let candidates = names.compactMap { name in
      name == SelectedTuning.name
        ? chosen.map { ComparisonJob.Candidate($0, probeSeconds: $0.probeSeconds) }
        : ComparisonJob.Candidate(
          named: name, budget: budget, targets: comparison.targetNames, for: prepared.model)
    }
    Interruption.watch()
    let session = ComparisonSession(common: common)
    let job = ComparisonJob(
      base: base, seeds: comparison.seedList(default: training.seed),
      learningRates: comparison.rates(training))
    let result = try job.run(
      candidates, budget: budget, for: prepared, in: directory, resuming: main.resume,
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
