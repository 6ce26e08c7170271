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

  @OptionGroup(title: "Method") var method: MethodOptions
  @OptionGroup(title: "Training") var training: TrainingOptions
  @OptionGroup(title: "Common") var common: CommonOptions

  func validate() throws {
    if output == nil, !dryRun { throw ValidationError("--output: name the run directory to write") }
  }

  func run() throws {
    try common.start()
    let plan = try method.readPlan()
    var job = task.job(
      plan?.method ?? method.adaptation,
      settings: training.settings(usualLearningRate: method.usualLearningRate))
    job.plan = plan
    try TrainingSession(job: job, common: common).run(
      to: output, overwriting: overwrite, dryRun: dryRun)
  }
}
