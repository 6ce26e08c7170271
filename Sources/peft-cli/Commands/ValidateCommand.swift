import ArgumentParser
import Foundation
import PEFTData
import PEFTModels
import PEFTReport
import PEFTRuns
import PEFTSelect
import PEFTStudy
import PEFTTensor
import PEFTTrain

struct ValidateCommand: ParsableCommand, SingleProcessCommand {
  static let configuration = CommandConfiguration(
    commandName: "validate",
    abstract: "Trains each group alone to see which predictor ranks the groups best.",
    discussion: """
      The command first trains the head and then freezes it. A group is worth the decrease of \
      the dev loss when only that group trains. The output directory holds influence.json and \
      validation.json. --dev or --holdout is required.

      Example:
        peft validate --model minilm --train train.tsv --dev dev.tsv --output v
      """)

  /// The options that most jobs need.
  struct Main: ParsableArguments {
    @OptionGroup var task: TaskOptions

    @Option(
      help: "Directory to write influence.json and validation.json into.", completion: .directory)
    var output: String

    @OptionGroup var evaluation: EvaluationDataOptions

    @Flag(help: "Replace what is in --output.")
    var overwrite = false

    @Option(help: "Training steps for each group.")
    var groupSteps = 40

    @Option(help: "Examples per batch when a group trains.")
    var groupBatchSize = 16

    @Option(help: "Learning rates to try for each group; the better one counts.")
    var groupRates = "1e-4,1e-3"

    @Option(help: "Dev examples to measure the loss on.")
    var devLimit = 500

    @Option(help: "Examples per batch of the probe. (default: 32)")
    var batchSize: Int?

    @Option(help: "Seed of everything random.")
    var seed: UInt64 = 1
  }

  @OptionGroup(title: "Main options") var main: Main
  @OptionGroup(title: "Groups") var groups: GroupOptions
  @OptionGroup(title: "Probe") var probe: ProbeOptions
  @OptionGroup var details: TaskDetailOptions
  @OptionGroup(title: "Common") var common: CommonOptions

  private var rates: [Double] { main.groupRates.split(separator: ",").map { Double($0) ?? 0 } }

  func validate() throws {
    guard main.groupSteps > 0, main.groupBatchSize > 0, main.devLimit > 0,
      main.batchSize ?? 1 > 0
    else {
      throw ValidationError(
        "--group-steps, --group-batch-size, --dev-limit and --batch-size: give positive numbers")
    }
    guard !rates.isEmpty, rates.allSatisfy({ $0 > 0 && $0.isFinite }) else {
      throw ValidationError(
        "--group-rates \(main.groupRates): give positive numbers, such as 1e-4,1e-3")
    }
    if main.evaluation.dev == nil, main.evaluation.holdout(usual: nil) == nil {
      throw ValidationError("--dev: name the data to measure the loss on, or say --holdout")
    }
    if probe.settleAfter != nil { throw ValidationError("--settle-after: there is no budget here") }
  }

  func run() throws {
    try common.start()
    var training = TrainingSettings()
    training.batches = BatchPlan(size: .examples(main.batchSize ?? 32))
    training.seed = main.seed
    let prepared = try main.task.job(
      FullTuning(), evaluation: main.evaluation, details: details, settings: training
    ).prepare()
    prepared.notes.forEach { common.note($0) }
    let influenceSettings = try probe.settings(
      groups: groups, seed: main.seed, budget: nil, precision: .fp32)
    let output = main.output
    let directory = try OutputDirectory.validation(output, overwriting: main.overwrite)
    let (influence, isInterrupted) = try ProbeSession(prepared: prepared, common: common).measure(
      influenceSettings)
    try influence.write(to: directory.file(Influence.fileName))
    if isInterrupted { throw Interrupted(run: output) }
    var settings = ValidationSettings()
    settings.steps = main.groupSteps
    settings.batchSize = main.groupBatchSize
    settings.learningRates = rates
    settings.devLimit = main.devLimit
    let line = StepLine(isQuiet: common.quiet)
    let validation = try prepared.validate(
      influence, influenceSettings: influenceSettings, settings: settings,
      shouldStop: { Interruption.isRequested }
    ) { done, count, item in
      line.show("group", done: done, of: count, detail: item?.name ?? "")
    }
    line.finish()
    guard let validation else {
      throw InterruptedEarly(
        description:
          "interrupted; groups trained so far are not kept, the influences are, in \(output)")
    }
    try JSONFile.write(validation.json, to: directory.file(Validation.fileName))
    if common.json {
      Console.output(validation.json)
      return
    }
    var table = TextTable(header: ["predictor", "Spearman", "per parameter"])
    for score in validation.scores {
      table.add([
        score.predictor, String(format: "%.2f", score.value), String(format: "%.2f", score.density),
      ])
    }
    table.lines(width: .max).forEach { Console.output($0) }
    Console.output(
      "\(validation.items.count) groups, each trained alone for \(main.groupSteps) steps in "
        + "\(ProgressLine.duration(validation.seconds)); dev loss before: "
        + ProgressLine.format(validation.baseLoss))
    Console.output("validation: \(output)/\(Validation.fileName)")
  }
}
