import ArgumentParser
import PEFTData
import PEFTModels
import PEFTRuns
import PEFTStudy
import PEFTTensor
import PEFTTrain

struct TrainCommand: ParsableCommand, RankedCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Fine-tunes a model on a task and writes a run directory.",
    discussion: """
      Example:
        peft train --model minilm --train train.tsv --method lora --output lora
      """)

  /// The options that most jobs need.
  struct Main: ParsableArguments {
    @OptionGroup var task: TaskOptions

    @Option(
      help: "Run directory to write; required unless --dry-run is given.", completion: .directory)
    var output: String?

    @OptionGroup var evaluation: EvaluationDataOptions

    @Option(
      help: """
        Cross-validation for few data: divide the training rows into so many folds, in proportion \
        from every label, train once without each, and test on it. --output gets a run for each \
        fold, and folds.json with means and intervals.
        """)
    var folds: Int?

    @Flag(help: "Replace the run in --output.")
    var overwrite = false

    @Flag(
      help: """
        Resume the run in --output with the options it was started with. The result has the same \
        bits as an uninterrupted run. Without a run there, start one.
        """)
    var resume = false

    @Option(
      help: "Steps between checkpoints, in addition to those after every evaluation or epoch.")
    var checkpointEvery: Int?

    @Flag(help: "Print what would train, the memory and the time it takes; write nothing.")
    var dryRun = false
  }

  /// The source from which a run starts, instead of a method by name.
  struct Start: ParsableArguments {
    @Option(
      help: "The plan.json that `peft select` wrote: train its selection, not a --method.",
      completion: .file(extensions: ["json"]))
    var plan: String?

    @Option(
      help: """
        With --plan: probe again after every so many steps, or share of the run such as 25%, up to \
        half of the run, and swap what is certain to gain more within the same budget. Adapters \
        stay. The influence.json of the plan must be beside it.
        """, transform: ReselectionInterval.parsed)
    var reselect: ReselectionInterval?

    @Flag(
      help: """
        With --plan: use a learning rate per group, in proportion to the best steps that the \
        probe found.
        """)
    var groupRates = false

    @Option(
      help: """
        Hugging Face PEFT adapter (LoRA, DoRA, IA3, VeRA, RandLoRA, HRA, C3A, AdaLoRA), or file of LoRA deltas, to keep training, instead of a \
        --method. Its head is used if it fits.
        """, completion: .directory)
    var adapter: String?

    @Option(help: "Alpha of --adapter; needed if its directory has no adapter_config.json.")
    var adapterAlpha: Double?
  }

  @OptionGroup(title: "Main options") var main: Main
  @OptionGroup(title: "Method") var method: MethodOptions
  @OptionGroup(title: "Method") var start: Start
  @OptionGroup(title: "Training") var training: TrainingOptions
  @OptionGroup var details: TaskDetailOptions
  @OptionGroup(title: "Common") var common: CommonOptions

  func validate() throws {
    if start.groupRates, start.plan == nil {
      throw ValidationError("--group-rates: it takes them from --plan; name one")
    }
    if start.reselect != nil, start.plan == nil {
      throw ValidationError(
        "--reselect: it swaps what --plan selected; name one. The methods speft and id3 choose "
          + "again by --set reselect-every and --set strategy")
    }
    if start.reselect != nil, start.groupRates {
      throw ValidationError("--reselect: the rates of --group-rates are those of the plan's groups")
    }
    if start.adapter != nil, start.plan != nil {
      throw ValidationError("--adapter and --plan exclude each other")
    }
    for (option, isGiven) in [("--plan", start.plan != nil), ("--adapter", start.adapter != nil)] {
      if isGiven, let other = method.given {
        throw ValidationError("\(other): \(option) says what trains; leave one of them out")
      }
    }
    if start.adapterAlpha != nil, start.adapter == nil {
      throw ValidationError("--adapter-alpha: it goes with --adapter")
    }
    if main.resume, main.overwrite {
      throw ValidationError("--resume and --overwrite exclude each other")
    }
    if let checkpointEvery = main.checkpointEvery, checkpointEvery <= 0 {
      throw ValidationError("--checkpoint-every: give a positive number")
    }
    if let folds = main.folds {
      guard folds > 1 else { throw ValidationError("--folds: give at least 2") }
      if main.evaluation.test != nil || main.dryRun || start.adapter != nil {
        throw ValidationError("--folds: it excludes --test, --adapter and --dry-run")
      }
    }
    if main.output == nil, !main.dryRun {
      throw ValidationError("--output: name the run directory to write")
    }
  }

  /// The job that the options describe.
  func job(usualHoldout: Holdout? = nil) throws -> TrainingJob {
    let chosen = try start.plan.map { try Plan.read($0) }
    var selected = chosen?.method
    selected?.reselection = start.reselect
    let adaptation: any AdaptationMethod = try selected ?? method.adaptation
    var job = main.task.job(
      adaptation, evaluation: main.evaluation, details: details, settings: training.settings,
      usualHoldout: usualHoldout)
    job.findsRate = training.learningRate == .auto
    job.plannedModel = chosen?.model
    if start.reselect != nil, let chosen, let path = start.plan {
      job.reselector = try ProbedReselector(chosen, from: chosen.influence(besidePlanAt: path))
    }
    job.adapter = start.adapter.map { ($0, start.adapterAlpha) }
    // On one rank as well, so that a run can be resumed on any number of them.
    if Ranks.isMPI, job.settings.atoms == nil { job.settings.atoms = TrainingSettings.usualAtoms }
    if start.groupRates { job.settings.rateFactors = chosen?.rateFactors ?? [:] }
    return job
  }

  func run() throws {
    try common.start()
    let begin: RunStart = main.resume ? .resuming : main.overwrite ? .overwriting : .new
    if let folds = main.folds, let output = main.output {
      guard Ranks.collective.count == 1 else {
        throw InvalidSetting(
          setting: "folds", "the folds are not shared by processes; start it without mpirun or srun"
        )
      }
      return try FoldSession(job: FoldJob(job(), count: folds), common: common).run(
        to: output, start: begin, checkpoints: main.checkpointEvery)
    }
    try TrainingSession(job: job(), common: common).run(
      to: main.output, start: begin, checkpoints: main.checkpointEvery, dryRun: main.dryRun)
  }
}
