import ArgumentParser
import Foundation
import PEFTModels
import PEFTSelect
import PEFTTensor
import PEFTTrain

struct CompareCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compare",
    abstract: "Trains several methods on one task by one recipe, over several seeds.",
    discussion: """
      lora takes the rank whose size is nearest to --budget; plan trains what --plan chose.

      Example:
        peft compare --model minilm --train train.tsv --dev dev.tsv --test test.tsv \\
          --plan runs/probe/plan.json --methods plan,lora,bitfit,head --seeds 1,2,3 \\
          --budget 0.5% --output runs/compare
      """)

  @OptionGroup var task: TaskOptions

  @Option(help: "Directory to write; each run gets one of its own below it.")
  var output: String

  @Flag(help: "Replace what is in --output.")
  var overwrite = false

  @Flag(
    help: "Go on with the comparison in --output, with the same options: runs that ended stay.")
  var resume = false

  @Option(help: "Methods: full, lora, bitfit, norm, head, plan.")
  var methods = "lora,bitfit,norm,head,full"

  @Option(help: "plan.json of `peft select`, for the method plan.")
  var plan: String?

  @OptionGroup(title: "Comparison") var comparison: ComparisonOptions
  @OptionGroup(title: "Training") var training: TrainingOptions
  @OptionGroup(title: "Common") var common: CommonOptions

  private var names: [String] { methods.split(separator: ",").map(String.init) }

  func validate() throws {
    if resume, overwrite { throw ValidationError("--resume and --overwrite exclude each other") }
    let known = AdaptationMethods.names + [SelectedTuning.name]
    if let wrong = names.first(where: { !known.contains($0) }) {
      throw ValidationError("--methods \(wrong): there are \(known.joined(separator: ", "))")
    }
    if names.isEmpty { throw ValidationError("--methods: name at least one") }
    if names.contains(SelectedTuning.name), plan == nil {
      throw ValidationError("--plan: name the plan.json for the method plan")
    }
  }

  func run() throws {
    try common.start()
    let chosen = try plan.map { try Plan.read($0) }
    let base = task.job(FullTuning(), settings: training.settings(usualLearningRate: 1e-3))
    let prepared = try base.prepare()
    prepared.notes.forEach { common.note($0) }
    try OutputDirectory.create(
      output, replacing: resume ? [] : [Comparison.fileName], overwriting: overwrite)
    let session = ComparisonSession(
      job: ComparisonJob(
        base: base, seeds: comparison.seedList(default: training.seed),
        learningRates: comparison.rates(training)),
      prepared: prepared, common: common, output: output,
      start: resume ? .resuming : .overwriting)
    let budget = comparison.budget?.count(of: prepared.counts.parameters) ?? chosen?.budget
    var result = Comparison(
      modelParameters: prepared.counts.parameters, budget: budget,
      metric: PrimaryMetric(of: prepared.task))
    for name in names {
      let candidate =
        name == SelectedTuning.name
        ? session.candidate(chosen, probeSeconds: 0)
        : session.candidate(name, budget: budget, targets: comparison.targetNames)
      guard let candidate, let entry = try session.train(candidate) else {
        throw Interrupted(run: output)
      }
      result.entries.append(entry)
      try JSONFile.write(result.json, to: output + "/" + Comparison.fileName)
      try result.writeTable(to: output + "/" + Comparison.tableName)
      try ReportPage.write(output)
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
