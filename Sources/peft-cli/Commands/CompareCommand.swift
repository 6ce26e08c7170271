import ArgumentParser
import Foundation
import PEFTModels
import PEFTSelect
import PEFTTensor
import PEFTTrain

struct CompareCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compare",
    abstract:
      "Trains several methods by one recipe, over several seeds: on one task, or a whole suite.",
    discussion: """
      lora takes the rank whose size is nearest to --budget; plan trains what --plan chose.

      With --suite, a YAML file has models, tasks, recipe, seeds, learning rates, budgets, probes and methods; \
      results.csv, suite.json and report.html are written when all of its runs are done. Processes with \
      --shard 1/4, 2/4, … share the work in one --output, and --merge makes the results of it.

      Examples:
        peft compare --suite Benchmarks/comparison/small.yaml --output runs/suite
        peft compare --model minilm --train train.tsv --dev dev.tsv --test test.tsv \\
          --plan runs/probe/plan.json --methods plan,lora,bitfit,head --seeds 1,2,3 \\
          --budget 0.5% --output runs/compare
      """)

  @Option(
    help: "Model directory: config.json, model.safetensors and the tokenizer's files.")
  var model: String?

  @Option(help: "Data to train on; it fixes the task and its labels.")
  var train: String?

  @OptionGroup var details: TaskDetailOptions

  @Option(
    help: "YAML file of a suite; it has all that is compared, so that only --output goes with it.")
  var suite: String?

  @Option(help: "With --suite: the part of its rows to run, such as 2/4.")
  var shard: String?

  @Flag(
    help: """
      With --suite: train nothing; make the results of what shards have run, with the probes that only its claims need.
      """)
  var merge = false

  @Option(help: "Directory to write; each run gets one of its own below it.")
  var output: String

  @Flag(help: "Replace what is in --output.")
  var overwrite = false

  @Flag(
    help: "Go on with the comparison in --output, with the same options: runs that ended stay.")
  var resume = false

  @Option(
    help: """
      Methods: full, lora, bitfit, norm, head, plan. (default: lora,bitfit,norm,head,full; a language model has no \
      head)
      """)
  var methods: String?

  @Option(help: "plan.json of `peft select`, for the method plan.")
  var plan: String?

  @OptionGroup(title: "Comparison") var comparison: ComparisonOptions
  @OptionGroup(title: "Training") var training: TrainingOptions
  @OptionGroup(title: "Common") var common: CommonOptions

  /// The methods asked for; nil for the usual ones.
  private var names: [String]? { methods?.split(separator: ",").map(String.init) }

  func validate() throws {
    if suite != nil { return try validateSuite() }
    if shard != nil || merge { throw ValidationError("--shard and --merge: name the --suite") }
    if model == nil { throw ValidationError("--model: name the model directory, or a --suite") }
    if train == nil { throw ValidationError("--train: name the data to train on") }
    if resume, overwrite { throw ValidationError("--resume and --overwrite exclude each other") }
    let known = AdaptationMethods.names + [SelectedTuning.name]
    if let wrong = names?.first(where: { !known.contains($0) }) {
      throw ValidationError("--methods \(wrong): there are \(known.joined(separator: ", "))")
    }
    if names?.isEmpty == true { throw ValidationError("--methods: name at least one") }
    if names?.contains(SelectedTuning.name) == true, plan == nil {
      throw ValidationError("--plan: name the plan.json for the method plan")
    }
    try comparison.checkRates(training, dev: details.dev)
  }

  private func validateSuite() throws {
    if let shard, SuiteShard(shard) == nil {
      throw ValidationError("--shard \(shard): give a part and their number, such as 2/4")
    }
    if merge, shard != nil || overwrite {
      throw ValidationError("--merge: it trains nothing; leave out --shard and --overwrite")
    }
    if overwrite, shard != nil {
      throw ValidationError("--shard: others work in --output too; leave out --overwrite")
    }
    if resume, overwrite { throw ValidationError("--resume and --overwrite exclude each other") }
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
      throw ValidationError("--\(option.name): with --suite this stands in the suite's file")
    }
  }

  func run() throws {
    if let suite {
      return try SuiteSession(
        suite: try SuiteFile.read(suite), output: output, overwrite: overwrite, resume: resume,
        shard: shard.flatMap(SuiteShard.init), merge: merge, common: common
      ).run()
    }
    try common.start()
    guard let model, let train else { return }
    let chosen = try plan.map { try Plan.read($0) }
    let base = details.job(
      FullTuning(), model: model, train: train,
      settings: training.settings(usualLearningRate: 1e-3))
    let prepared = try base.prepare()
    prepared.notes.forEach { common.note($0) }
    let names = try ComparisonSession.names(
      self.names, usual: ["lora", "bitfit", "norm", "head", "full"], for: prepared)
    try RunManifest.refuse(output)
    let directory = try OutputDirectory.comparison(
      output, overwriting: overwrite, resuming: resume)
    try EnvironmentReport.write(to: directory)
    let session = ComparisonSession(
      job: ComparisonJob(
        base: base, seeds: comparison.seedList(default: training.seed),
        learningRates: comparison.rates(training)),
      prepared: prepared, common: common, output: directory, isResuming: resume)
    let budget = comparison.budget?.count(of: prepared.counts.parameters) ?? chosen?.budget
    var result = Comparison(
      modelParameters: prepared.counts.parameters, budget: budget,
      metric: PrimaryMetric(of: prepared.task))
    for name in names {
      let candidate =
        name == SelectedTuning.name
        ? session.candidate(chosen, probeSeconds: chosen?.probeSeconds ?? 0)
        : session.candidate(name, budget: budget, targets: comparison.targetNames)
      guard let candidate, let entry = try session.train(candidate) else {
        throw Interrupted(run: output)
      }
      result.entries.append(entry)
      try result.write(in: directory)
      try ReportPage.write(directory)
    }
    if common.json {
      Console.output(result.json)
    } else {
      ComparisonTable(result).lines.forEach { Console.output($0) }
      Console.output(
        "comparison: \(output)/\(Comparison.fileName)   report: \(output)/\(ReportPage.fileName)")
    }
  }
}
