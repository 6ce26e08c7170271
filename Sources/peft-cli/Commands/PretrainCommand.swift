import ArgumentParser
import PEFTData
import PEFTModels
import PEFTReport
import PEFTRuns
import PEFTTensor

struct PretrainCommand: ParsableCommand, SingleProcessCommand {
  static let configuration = CommandConfiguration(
    commandName: "pretrain",
    abstract: "Pretrains a small language model from scratch, including its vocabulary.",
    discussion: """
      The command learns a byte-level BPE vocabulary from the text, packs the documents end to end, \
      trains a GPT-2 (causal) or a RoBERTa (masked), and writes a model directory. --resume with the \
      same options continues an interrupted run and gives the same bits.

      Example:
        peft pretrain --target causal --train novels.txt --output small-gpt2
      """)

  @Option(help: "Model directory to write.", completion: .directory)
  var output: String

  @Option(
    parsing: .upToNextOption,
    help: "Text files: .txt (one document each) or JSONL with a text on each line.",
    completion: .file())
  var train: [String] = []

  @Flag(help: "Also learn from the descriptions of this machine's packages.")
  var packages = false

  @Option(
    help: "Text to evaluate on; the parameters of the best step are kept.", completion: .file())
  var dev: String?

  @Option(
    help: "What to predict: causal (the next token, GPT-2) or masked (masked tokens, RoBERTa).")
  var target = PretrainingJob.Target.causal

  @Flag(help: "Replace the model in --output.")
  var overwrite = false

  @Flag(help: "Resume the interrupted run in --output with the same options.")
  var resume = false

  @Option(help: "Size of the vocabulary in tokens.")
  var vocabularySize = 4096

  @Option(help: "Hidden size of the model.")
  var hiddenSize = 192

  @Option(help: "Transformer layers.")
  var layers = 4

  @Option(help: "Attention heads per layer.")
  var heads = 4

  @Option(help: "Maximum sequence length in tokens.")
  var context = 128

  @Flag(help: "Write the final weights in half precision.")
  var half = false

  @Option(help: "Steps between checkpoints.")
  var checkpointEvery = 200

  @Option(help: "Epochs: passes over the text. (default: 1)")
  var epochs: Double?

  @Option(help: "Training steps, instead of --epochs.")
  var steps: Int?

  @Option(help: "Tokens per batch.")
  var batchTokens = 4096

  @Option(
    help: ArgumentHelp(
      """
      Gradient accumulation: the number of batches in a step. The step equals that of a batch N \
      times as large, in the memory of one.
      """, valueName: "N"))
  var accumulate = 1

  @Option(
    name: [.long, .customLong("lr")],
    help: "Learning rate after warm-up.")
  var learningRate = 1e-3

  @Option(help: "Fraction of the steps used for warm-up.")
  var warmup = 0.05

  @Option(help: "Decoupled weight decay of AdamW.")
  var weightDecay = 0.05

  @Option(help: "What decays: matrices, or all, which includes biases and norms.")
  var weightDecayOn = WeightDecayScope.matrices

  @Option(help: "Steps between evaluations. (default: one epoch)")
  var evaluateEvery: Int?

  @Flag(help: "Train with dropout.")
  var dropout = false

  @Option(help: "Seed of everything random.")
  var seed: UInt64 = 1

  @OptionGroup var common: CommonOptions

  func validate() throws {
    func check(_ condition: Bool, _ message: String) throws {
      if !condition { throw ValidationError(message) }
    }
    try check(!train.isEmpty || packages, "--train or --packages: say what to learn from")
    try check((8...65536).contains(context), "--context \(context): give 8 to 65536")
    try check(
      (1...65536).contains(hiddenSize) && (1...1000).contains(layers) && heads > 0
        && hiddenSize % heads == 0,
      "--hidden-size, --layers and --heads: give positive numbers; heads divide the hidden size")
    try check(
      epochs.map { $0 > 0 && $0 <= 1e6 } != false, "--epochs: give a positive number to 1e6")
    try check(
      steps.map { (1...1_000_000_000).contains($0) } != false,
      "--steps: give a number from 1 to 1000000000")
    try check(epochs == nil || steps == nil, "--epochs and --steps exclude each other")
    try check(
      batchTokens >= context, "--batch-tokens \(batchTokens): give at least --context, \(context)")
    try check(
      (1...1_000_000).contains(accumulate), "--accumulate: give a number from 1 to 1000000")
    try check(
      learningRate > 0 && learningRate.isFinite, "--learning-rate: give a positive number")
    try check((0...1).contains(warmup), "--warmup \(warmup): give a number from 0 to 1")
    try check(weightDecay >= 0 && weightDecay.isFinite, "--weight-decay: give a number from 0")
    try check(evaluateEvery.map { $0 > 0 } != false, "--evaluate-every: give a positive number")
    try check(checkpointEvery > 0, "--checkpoint-every: give a positive number")
    try check(!(resume && overwrite), "--resume and --overwrite exclude each other")
  }

  private var job: PretrainingJob {
    var job = PretrainingJob()
    job.target = target
    job.trainPaths = train
    job.usesPackages = packages
    job.devPath = dev
    job.vocabularySize = vocabularySize
    (job.hiddenSize, job.layerCount, job.headCount) = (hiddenSize, layers, heads)
    job.context = context
    job.isHalf = half
    job.checkpointInterval = checkpointEvery
    job.settings.length = steps.map { .steps($0) } ?? .epochs(epochs ?? 1)
    job.settings.batches = BatchPlan(size: .tokens(batchTokens))
    job.settings.accumulation = accumulate
    job.settings.learningRate = learningRate
    job.settings.warmupFraction = warmup
    job.settings.decay = .cosine
    job.settings.optimizer.weightDecay = weightDecay
    job.settings.optimizer.decayScope = weightDecayOn
    job.settings.usesDropout = dropout
    job.settings.evaluationInterval = evaluateEvery
    job.settings.seed = seed
    return job
  }

  func run() throws {
    try common.start()
    if resume, let document = try job.finishedRun(in: output) {
      common.note("the run in \(output) is finished; there is nothing to do")
      let numbers = CheckedNumbers(
        .object(document), path: output + "/" + PretrainingJob.recipeName,
        remedy: "train again with --overwrite")
      let seconds = try numbers.seconds("seconds")
      return show(
        parameters: try numbers.count("parameters"), steps: try numbers.count("steps"),
        seconds: seconds,
        tokensPerSecond: Double(try numbers.count("tokensSeen")) / max(seconds, 1e-9),
        metrics: RunManifest.metrics(document["dev"] ?? .null))
    }
    let prepared = try job.prepare(output: output, resuming: resume, overwriting: overwrite)
    prepared.notes.forEach { common.note($0) }
    common.note(
      "\(prepared.model.configuration.architectureName), "
        + "\(prepared.model.parameterCount.grouped) parameters, "
        + "\(prepared.tokenCount.grouped) tokens of text"
        + (prepared.stepsDone > 0 ? "; resuming after step \(prepared.stepsDone)" : ""))
    Interruption.watch()
    let progress = ProgressLine(isQuiet: common.quiet)
    guard
      let outcome = try prepared.run(
        shouldStop: { Interruption.isRequested }, observe: progress.show)
    else { throw Interrupted(run: output) }
    show(
      parameters: prepared.model.parameterCount, steps: outcome.steps, seconds: outcome.seconds,
      tokensPerSecond: outcome.tokensPerSecond, metrics: outcome.bestMetrics)
  }

  private func show(
    parameters: Int, steps: Int, seconds: Double, tokensPerSecond: Double,
    metrics: [(name: String, value: Double)]
  ) {
    if common.json {
      Console.output(
        .object([
          "model": .string(output), "parameters": .integer(parameters), "steps": .integer(steps),
          "seconds": .number(seconds), "tokensPerSecond": .number(tokensPerSecond),
          "metrics": RunManifest.json(of: metrics),
        ]))
      return
    }
    let dev = metrics.first.map { ", dev \($0.name) \(ProgressLine.format($0.value))" }
    Console.output(
      "\(output): \(steps) steps in \(ProgressLine.duration(seconds)), "
        + "\(ReportText.whole(tokensPerSecond)) tokens/s\(dev ?? "")")
  }
}

extension PretrainingJob.Target: ExpressibleByArgument {}
