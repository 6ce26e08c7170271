import ArgumentParser
import PEFTModels
import PEFTTensor
import PEFTTrain

/// Model and data of a task.
struct TaskOptions: ParsableArguments {
  @Option(help: "Model directory: config.json, model.safetensors and the tokenizer's files.")
  var model: String

  @Option(help: "Data to train on; it fixes the task and its labels.")
  var train: String

  @OptionGroup var details: TaskDetailOptions

  /// The data to evaluate on while training.
  var dev: String? { details.dev }

  /// The job of training `method` on the task.
  func job(_ method: any AdaptationMethod, settings: TrainingSettings) -> TrainingJob {
    details.job(method, model: model, train: train, settings: settings)
  }
}

/// What a task is besides its model and its training data.
struct TaskDetailOptions: ParsableArguments {
  @Option(help: "Data to evaluate on while training; the best step is kept.")
  var dev: String?

  @Option(help: "Data to evaluate on at the end.")
  var test: String?

  @Option(
    help: """
      How a classifier's head reads the tokens: first, last or mean. (default: first, with GPT-2 last)
      """)
  var pooling: Pooling?

  @OptionGroup var kind: TaskKindOptions

  @Flag(
    help: """
      Completions: write them for the test prompts at the end, and compare with all references (BLEU, \
      ROUGE, NIST).
      """)
  var generate = false

  @OptionGroup(title: "Generation") var generation: GenerationOptions
  @OptionGroup(title: "Data") var data: DataOptions

  /// The job of training `method` on the task.
  func job(
    _ method: any AdaptationMethod, model: String, train: String, settings: TrainingSettings
  ) -> TrainingJob {
    var job = TrainingJob(modelDirectory: model, trainPath: train, method: method)
    job.devPath = dev
    job.testPath = test
    job.format = data.format
    job.columns = data.columns
    job.taskKind = kind.task
    job.pooling = pooling
    job.maximumLength = kind.maxLength
    job.stride = kind.stride
    job.settings = settings
    job.generation = generate ? generation.settings(seed: settings.seed) : nil
    return job
  }
}
