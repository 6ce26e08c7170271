import ArgumentParser
import PEFTModels
import PEFTTensor
import PEFTTrain

/// Model and data of a task.
struct TaskOptions: ParsableArguments {
  @Option(help: "Model directory: config.json, model.safetensors and the tokenizer's files.")
  var model: String

  @Option(help: "Data to train on; it fixes the labels.")
  var train: String

  @Option(help: "Data to evaluate on while training; the best step is kept.")
  var dev: String?

  @Option(help: "Data to evaluate on at the end.")
  var test: String?

  @Option(help: "How the head reads the tokens: first or mean.")
  var pooling = Pooling.first

  @Option(help: "What the labels are: auto, classification or regression.")
  var task = LabelKind.auto

  @Option(help: "Longest text in tokens. (default: 128, or what the model takes)")
  var maxLength: Int?

  @OptionGroup(title: "Data") var data: DataOptions

  /// The job of training `method` on the task.
  func job(_ method: any AdaptationMethod, settings: TrainingSettings) -> TrainingJob {
    var job = TrainingJob(modelDirectory: model, trainPath: train, method: method)
    job.devPath = dev
    job.testPath = test
    job.format = data.format
    job.columns = data.columns
    job.labelKind = task
    job.pooling = pooling
    job.maximumLength = maxLength
    job.settings = settings
    return job
  }
}
