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

  @Flag(
    help: """
      Go on with the run in --output, with the options it was begun with, to the bits of a run that was \
      never ended; begin where there is none.
      """)
  var resume = false

  @Option(help: "Steps between checkpoints; there is one after every evaluation or pass anyway.")
  var checkpointEvery: Int?

  @Flag(help: "Say what would be trained, the memory and the time, and write nothing.")
  var dryRun = false

  @Option(help: "plan.json of `peft select`: train what it chose, instead of --method.")
  var plan: String?

  @Option(
    help: """
      Hugging Face PEFT adapter (LoRA), or file of additions, to go on from, instead of --method: its \
      additions train further, and its head where it fits.
      """)
  var adapter: String?

  @Option(help: "Alpha of --adapter, where no adapter_config.json says it.")
  var adapterAlpha: Double?

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
    if adapter != nil, plan != nil {
      throw ValidationError("--adapter and --plan exclude each other")
    }
    if adapterAlpha != nil, adapter == nil {
      throw ValidationError("--adapter-alpha: it goes with --adapter")
    }
    if resume, overwrite { throw ValidationError("--resume and --overwrite exclude each other") }
    if let checkpointEvery, checkpointEvery <= 0 {
      throw ValidationError("--checkpoint-every: give a positive number")
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
          ? MethodOptions.usualRate(of: SelectedTuning.name)
          : adapter != nil
            ? MethodOptions.usualRate(of: LowRankAdaptation.name) : method.usualLearningRate))
    job.plan = chosen
    job.adapter = adapter.map { ($0, adapterAlpha) }
    if groupRates { job.settings.rateFactors = chosen?.rateFactors ?? [:] }
    try TrainingSession(job: job, common: common).run(
      to: output, start: resume ? .resuming : overwrite ? .overwriting : .new,
      checkpoints: checkpointEvery, dryRun: dryRun)
  }
}
