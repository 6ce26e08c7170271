import ArgumentParser
import PEFTModels
import PEFTTensor
import PEFTTrain

struct TrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Fine-tunes a model on labelled texts and writes a run directory.",
    discussion: """
      Example:
        peft train --model minilm --train train.tsv --dev dev.tsv --test test.tsv \\
          --method lora --rank 8 --epochs 2 --output runs/lora
      """)

  @OptionGroup var task: TaskOptions

  @Option(help: "Run directory to write.")
  var output: String?

  @Flag(help: "Replace the run in --output.")
  var overwrite = false

  @Flag(help: "Say what would be trained, the memory and the time, and write nothing.")
  var dryRun = false

  @Option(help: "plan.json of `peft select`: train what it chose, instead of --method.")
  var plan: String?

  @Flag(
    help: """
      With --plan: learning rates by group, in the ratio of the steps that the probe found best.
      """)
  var groupRates = false

  @OptionGroup(title: "Method") var method: MethodOptions
  @OptionGroup(title: "Training") var training: TrainingOptions
  @OptionGroup(title: "Common") var common: CommonOptions

  func validate() throws {
    if groupRates, plan == nil {
      throw ValidationError("--group-rates: it takes them from --plan; name one")
    }
    if output == nil, !dryRun { throw ValidationError("--output: name the run directory to write") }
  }

  func run() throws {
    try common.start()
    let chosen = try plan.map { try Plan.read($0) }
    var job = task.job(
      chosen?.method ?? method.adaptation,
      settings: training.settings(
        usualLearningRate: chosen != nil
          ? MethodOptions.usualRate(of: SelectedTuning.name) : method.usualLearningRate))
    job.plan = chosen
    if groupRates { job.settings.rateFactors = chosen?.rateFactors ?? [:] }
    try TrainingSession(job: job, common: common).run(
      to: output, overwriting: overwrite, dryRun: dryRun)
  }
}
