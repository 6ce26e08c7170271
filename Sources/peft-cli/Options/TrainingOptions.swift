import ArgumentParser
import PEFTData
import PEFTTensor
import PEFTTrain

/// The training options.
struct TrainingOptions: ParsableArguments {
  @Option(help: "Epochs: passes over the training data. (default: 3)")
  var epochs: Double?

  @Option(help: "Training steps, instead of --epochs.")
  var steps: Int?

  @Option(help: "Examples per batch. (default: 32)")
  var batchSize: Int?

  @Option(help: "Tokens per batch, instead of --batch-size.")
  var batchTokens: Int?

  @Option(
    help: ArgumentHelp(
      """
      Gradient accumulation: the number of batches in a step. The step equals that of a batch N \
      times as large, in the memory of one.
      """, valueName: "N"))
  var accumulate = 1

  @Option(
    help: """
      Atoms of a step's batch: equal parts of whole examples that one process computes in turn, or \
      several (mpirun, srun) share. Runs with as many atoms have the same bits on any number of \
      processes. (default: 8 under MPI; otherwise the batches of --accumulate)
      """)
  var atoms: Int?

  @Flag(help: "Group texts of similar length into batches.")
  var groupByLength = false

  @Option(
    name: [.long, .customLong("lr")],
    help: """
      Learning rate after warm-up: a number, or auto. With auto, the run estimates the rate, tries \
      it and others around it on the first eighth to quarter of its steps, and continues with the \
      best; this takes about a third as long again.
      """)
  var learningRate = RateChoice.auto

  @Option(help: "Fraction of the steps used for warm-up.")
  var warmup = 0.06

  @Option(help: "Learning rate schedule after warm-up.")
  var schedule = LearningRateSchedule.Decay.linear

  @Option(help: "Decoupled weight decay of AdamW.")
  var weightDecay = 0.01

  @Option(
    help: "What decays: matrices, or all, which includes biases, norms and vectors of adapters.")
  var weightDecayOn = WeightDecayScope.matrices

  @Option(help: "Maximum global norm of the gradient; 0 turns clipping off.")
  var clip = 1.0

  @Option(help: "Label smoothing, from 0 to below 1.")
  var labelSmoothing = 0.0

  @Option(
    help: """
      How much the rows of each class count in the loss: balanced (all classes count alike), weights \
      by name such as spam=5,other=1, or a JSON file of such weights. Classes without one have \
      weight 1.
      """,
    transform: ClassWeights.parsed)
  var classWeights: ClassWeights?

  @Option(
    help: ArgumentHelp(
      """
      Focal loss with this gamma, such as 2, for classes: rows that are already answered well \
      count less.
      """, valueName: "gamma"))
  var focal = 0.0

  @Flag(
    help: """
      After training, fit a temperature on the dev data, with which predict and evaluate calibrate \
      a classifier's probabilities.
      """)
  var calibrate = false

  @Flag(help: "Turn off the dropout that the model's configuration asks for.")
  var noDropout = false

  @Flag(
    help: """
      Keep only the inputs of layers and recompute the rest in the backward pass. This saves memory \
      and gives the same bits in fp32; it takes a third more time, or half if most parameters are \
      frozen.
      """)
  var recompute = false

  @Option(help: "Steps between evaluations. (default: one epoch)")
  var evaluateEvery: Int?

  @Option(help: "Stop after this many evaluations without improvement.")
  var patience: Int?

  @Option(help: "Seed of everything random.")
  var seed: UInt64 = 1

  @Option(
    help: """
      Format of products with weights in steps and probes: fp32, bf16 (weights, sums and everything \
      else stay in fp32), or auto (bf16 if the processor has instructions for it).
      """)
  var precision = PrecisionChoice.fp32

  /// The number of batches in the window within which --group-by-length sorts.
  private static let lengthWindow = 50

  func validate() throws {
    try check(
      epochs.map { $0 > 0 && $0 <= 1e6 } != false, "--epochs: give a positive number to 1e6")
    try check(
      steps.map { (1...1_000_000_000).contains($0) } != false,
      "--steps: give a number from 1 to 1000000000")
    try check(epochs == nil || steps == nil, "--epochs and --steps exclude each other")
    try check(batchSize.map { $0 > 0 } != false, "--batch-size: give a positive number")
    try check(batchTokens.map { $0 > 0 } != false, "--batch-tokens: give a positive number")
    try check(
      batchSize == nil || batchTokens == nil, "--batch-size and --batch-tokens exclude each other")
    try check(
      (1...1_000_000).contains(accumulate), "--accumulate: give a number from 1 to 1000000")
    try check(
      atoms.map { (1...1_000_000).contains($0) } != false,
      "--atoms: give a number from 1 to 1000000")
    try check(
      learningRate.rate.map { $0 > 0 && $0.isFinite } != false,
      "--learning-rate: give a positive number, or auto")
    try check((0...1).contains(warmup), "--warmup \(warmup): give a number from 0 to 1")
    try check(
      weightDecay >= 0 && weightDecay.isFinite, "--weight-decay: give a number from 0")
    try check(clip >= 0 && clip.isFinite, "--clip: give a number from 0")
    try check(
      (0..<1).contains(labelSmoothing), "--label-smoothing: give a number from 0 to below 1")
    try check((0...100).contains(focal), "--focal: give a number from 0 to 100")
    try check(
      focal == 0 || labelSmoothing == 0, "--focal and --label-smoothing exclude each other")
    try check(evaluateEvery.map { $0 > 0 } != false, "--evaluate-every: give a positive number")
    try check(patience.map { $0 > 0 } != false, "--patience: give a positive number")
  }

  /// The requested settings.
  var settings: TrainingSettings {
    var settings = TrainingSettings()
    if let steps {
      settings.length = .steps(steps)
    } else if let epochs {
      settings.length = .epochs(epochs)
    }
    settings.batches = BatchPlan(
      size: batchTokens.map { .tokens($0) } ?? .examples(batchSize ?? 32),
      lengthWindow: groupByLength ? Self.lengthWindow : nil)
    settings.accumulation = accumulate
    settings.atoms = atoms
    // Where runs find their rates, this one only identifies a probe, as it has always done.
    settings.learningRate = learningRate.rate ?? 1e-3
    settings.warmupFraction = warmup
    settings.decay = schedule
    settings.optimizer.weightDecay = weightDecay
    settings.optimizer.decayScope = weightDecayOn
    settings.clippingNorm = clip == 0 ? nil : clip
    settings.labelSmoothing = labelSmoothing
    settings.classWeighting = classWeights
    settings.focusing = focal
    settings.calibrates = calibrate
    settings.usesDropout = !noDropout
    settings.recomputesLayers = recompute
    settings.precision = precision.precision
    settings.evaluationInterval = evaluateEvery
    settings.patience = patience
    settings.seed = seed
    return settings
  }

  private func check(_ condition: Bool, _ message: String) throws {
    if !condition { throw ValidationError(message) }
  }
}

extension ClassWeights {
  /// The weights that an argument says, or those in the file that it names.
  fileprivate static func parsed(_ argument: String) throws -> ClassWeights {
    if let weights = ClassWeights(argument) { return weights }
    let form = "give balanced, weights such as spam=5,other=1, all above 0, or a JSON file of such"
    guard let entry = try? DirectoryHandle.entry(argument), entry == .file else {
      throw ValidationError("--class-weights \(argument): \(form)")
    }
    let document: JSONValue
    do {
      document = try JSONValue(contentsOf: argument, limit: JSONValue.configurationLimit)
    } catch { throw ValidationError("--class-weights: \(error)") }
    guard let weights = ClassWeights(json: document) else {
      throw ValidationError(
        "--class-weights \(argument): the file is not an object of weights above 0, such as "
          + "{\"spam\": 5, \"other\": 1}")
    }
    return weights
  }
}

extension LearningRateSchedule.Decay: ExpressibleByArgument {}
extension Pooling: ExpressibleByArgument {}
extension WeightDecayScope: ExpressibleByArgument {}

/// The requested format of products.
enum PrecisionChoice: String, CaseIterable, ExpressibleByArgument {
  case fp32, bf16, auto

  var precision: Precision {
    switch self {
    case .fp32: .fp32
    case .bf16: .bf16
    case .auto: .fastest
    }
  }
}
