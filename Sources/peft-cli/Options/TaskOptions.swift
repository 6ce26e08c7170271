import ArgumentParser
import PEFTModels
import PEFTRuns
import PEFTTensor
import PEFTTrain

/// The model and the training data of a task.
struct TaskOptions: ParsableArguments {
  @Option(help: "Model directory: config.json, model.safetensors and the tokenizer's files.")
  var model: String

  @Option(help: "Training data; they define the task and its labels.")
  var train: String

  /// The job that trains `method` on the task.
  func job(
    _ method: any AdaptationMethod, evaluation: EvaluationDataOptions, details: TaskDetailOptions,
    settings: TrainingSettings
  ) -> TrainingJob {
    details.job(method, model: model, train: train, evaluation: evaluation, settings: settings)
  }
}

/// The data on which a task is evaluated.
struct EvaluationDataOptions: ParsableArguments {
  @Option(help: "Data to evaluate on during training; the parameters of the best step are kept.")
  var dev: String?

  @Option(help: "Data to evaluate on at the end.")
  var test: String?
}

/// The options for reading the data of a task and generating its texts.
struct TaskDetailOptions: ParsableArguments {
  @OptionGroup(title: "Data") var data: DataOptions
  @OptionGroup(title: "Data") var kind: TaskKindOptions
  @OptionGroup(title: "Data") var head: PoolingOptions
  @OptionGroup(title: "Generation") var output: GenerateOptions
  @OptionGroup(title: "Generation") var generation: GenerationOptions

  /// The job that trains `method` on the task.
  func job(
    _ method: any AdaptationMethod, model: String, train: String,
    evaluation: EvaluationDataOptions, settings: TrainingSettings
  ) -> TrainingJob {
    var job = TrainingJob(modelDirectory: model, trainPath: train, method: method)
    job.devPath = evaluation.dev
    job.testPath = evaluation.test
    job.format = data.format
    job.columns = data.columns
    job.taskKind = kind.task
    job.pooling = head.pooling
    job.maximumLength = kind.maxLength
    job.stride = kind.stride
    job.settings = settings
    job.generation = output.generate ? generation.settings(seed: settings.seed) : nil
    return job
  }
}

/// The option for what a classifier's head reads.
struct PoolingOptions: ParsableArguments {
  @Option(
    help: "How the classification head pools the tokens. (default: first, for causal models last)")
  var pooling: Pooling?
}

/// The option for generating completions after training.
struct GenerateOptions: ParsableArguments {
  @Flag(
    help: """
      For completion tasks: generate completions of the test prompts at the end and compare them \
      with all references (BLEU, ROUGE, NIST).
      """)
  var generate = false
}
