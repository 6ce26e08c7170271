import ArgumentParser
import PEFTData
import PEFTModels
import PEFTRuns
import PEFTTensor
import PEFTTrain

/// The model and the training data of a task.
struct TaskOptions: ParsableArguments {
  @Option(
    help: "Model directory: config.json, model.safetensors and the tokenizer's files.",
    completion: .directory)
  var model: String

  @Option(help: "Training data; they define the task and its labels.", completion: .file())
  var train: String

  /// The job that trains `method` on the task.
  func job(
    _ method: any AdaptationMethod, evaluation: EvaluationDataOptions, details: TaskDetailOptions,
    settings: TrainingSettings, usualHoldout: Holdout? = nil
  ) -> TrainingJob {
    details.job(
      method, model: model, train: train, evaluation: evaluation, settings: settings,
      usualHoldout: usualHoldout)
  }
}

/// The data on which a task is evaluated.
struct EvaluationDataOptions: ParsableArguments {
  @Option(
    help: "Data to evaluate on during training; the parameters of the best step are kept.",
    completion: .file())
  var dev: String?

  @Option(
    help: """
      Training rows to hold out as dev data, in proportion from every label and the same for every \
      --seed: a share such as 0.1 or 10%, a number of rows, auto (a tenth of at least \
      \(Holdout.leastRows) rows), or none. (default: without --dev, adapt and compare say auto; \
      else none)
      """)
  var holdout: HoldoutArgument?

  @Option(help: "Data to evaluate on at the end.", completion: .file())
  var test: String?

  func validate() throws {
    if dev != nil, holdout?.value != nil {
      throw ValidationError("--dev and --holdout exclude each other")
    }
  }

  /// The rows to hold out, if nothing else is said `usual`.
  func holdout(usual: Holdout?) -> Holdout? {
    if let holdout { return holdout.value }
    return dev == nil ? usual : nil
  }
}

/// The value of --holdout.
struct HoldoutArgument: ExpressibleByArgument {
  /// The rows to hold out; nil for none.
  let value: Holdout?

  init?(argument: String) {
    if ["none", "0", "0%"].contains(argument) {
      value = nil
    } else if let holdout = Holdout(argument) {
      value = holdout
    } else {
      return nil
    }
  }
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
    evaluation: EvaluationDataOptions, settings: TrainingSettings, usualHoldout: Holdout? = nil
  ) -> TrainingJob {
    var job = TrainingJob(modelDirectory: model, trainPath: train, method: method)
    job.devPath = evaluation.dev
    job.holdout = evaluation.holdout(usual: usualHoldout)
    job.testPath = evaluation.test
    job.format = data.format
    job.columns = data.columns
    job.taskKind = kind.task
    job.chatTemplate = kind.chatTemplate
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
    help: """
      How the classification head, or an embedding, pools the tokens. (default: first, for causal \
      models last, for embeddings as modules.json says or mean)
      """)
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
