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

  @Option(help: "Model directory: config.json, model.safetensors and the tokenizer's files.")
  var model: String

  @Option(help: "Data to train on; it fixes the labels.")
  var train: String

  @Option(help: "Data to evaluate on while training; the best step is kept.")
  var dev: String?

  @Option(help: "Data to evaluate on at the end.")
  var test: String?

  @Option(help: "Run directory to write.")
  var output: String?

  @Flag(help: "Replace the run in --output.")
  var overwrite = false

  @Flag(help: "Say what would be trained, the memory and the time, and write nothing.")
  var dryRun = false

  @Option(help: "How the head reads the tokens: first or mean.")
  var pooling = Pooling.first

  @Option(help: "What the labels are: auto, classification or regression.")
  var task = LabelKind.auto

  @Option(help: "Longest text in tokens. (default: 128, or what the model takes)")
  var maxLength: Int?

  @OptionGroup(title: "Method") var method: MethodOptions
  @OptionGroup(title: "Training") var training: TrainingOptions
  @OptionGroup(title: "Data") var data: DataOptions
  @OptionGroup(title: "Common") var common: CommonOptions

  func validate() throws {
    if output == nil, !dryRun { throw ValidationError("--output: name the run directory to write") }
  }

  func run() throws {
    try common.start()
    var job = TrainingJob(
      modelDirectory: model, trainPath: train, method: method.adaptation)
    job.devPath = dev
    job.testPath = test
    job.format = data.format
    job.columns = data.columns
    job.labelKind = task
    job.pooling = pooling
    job.maximumLength = maxLength
    job.settings = training.settings(usualLearningRate: method.usualLearningRate)
    try TrainingSession(job: job, common: common).run(
      to: output, overwriting: overwrite, dryRun: dryRun)
  }
}
