import ArgumentParser
import Foundation
import PEFTData
import PEFTModels
import PEFTRuns
import PEFTSelect
import PEFTStudy
import PEFTTensor
import PEFTTrain

struct ProbeCommand: ParsableCommand, RankedCommand {
  static let configuration = CommandConfiguration(
    commandName: "probe",
    abstract: "Measures how much each group of parameters matters for a task.",
    discussion: """
      The output directory holds influence.json. For each group, it has the slope and curvature of \
      the loss along the group's direction, with standard errors, and the predicted fall of the loss.

      Example:
        peft probe --model minilm --train train.tsv --output probe
      """)

  /// The options that most jobs need.
  struct Main: ParsableArguments {
    @OptionGroup var task: TaskOptions

    @Option(help: "Directory to write influence.json into.", completion: .directory)
    var output: String

    @OptionGroup var evaluation: EvaluationDataOptions

    @Flag(help: "Replace the influence.json in --output.")
    var overwrite = false

    @Flag(
      help: """
        Resume the probe in --output with the options it was started with. The result has the \
        same bits as an uninterrupted probe. Without a probe there, start one.
        """)
    var resume = false

    @Option(help: "Examples per batch. (default: 32)")
    var batchSize: Int?

    @Option(
      help: "For --settle-after: parameters that may train, as a number or a share such as 0.5%.",
      transform: ParameterBudget.parsed)
    var budget: ParameterBudget?

    @Option(help: "Label smoothing.")
    var labelSmoothing = 0.0

    @Option(
      help: """
        Format of products with weights: fp32, bf16, or auto (bf16 if the processor has \
        instructions for it). Tangents, and the losses of --estimator fit, are in fp32.
        """)
    var precision = PrecisionChoice.fp32

    @Option(help: "Seed of everything random.")
    var seed: UInt64 = 1
  }

  @OptionGroup(title: "Main options") var main: Main
  @OptionGroup(title: "Groups") var groups: GroupOptions
  @OptionGroup(title: "Probe") var probe: ProbeOptions
  @OptionGroup var details: TaskDetailOptions
  @OptionGroup(title: "Common") var common: CommonOptions

  func validate() throws {
    if let batchSize = main.batchSize, batchSize <= 0 {
      throw ValidationError("--batch-size: give a positive number")
    }
    guard (0..<1).contains(main.labelSmoothing) else {
      throw ValidationError("--label-smoothing: give a number from 0 to below 1")
    }
    if main.resume, main.overwrite {
      throw ValidationError("--resume and --overwrite exclude each other")
    }
    if (probe.settleAfter == nil) != (main.budget == nil) {
      throw ValidationError("--settle-after and --budget: give both or none")
    }
  }

  func run() throws {
    try common.start()
    var training = TrainingSettings()
    training.batches = BatchPlan(size: .examples(main.batchSize ?? 32))
    training.seed = main.seed
    training.labelSmoothing = main.labelSmoothing
    let prepared = try main.task.job(
      FullTuning(), evaluation: main.evaluation, details: details, settings: training
    ).prepare()
    prepared.notes.forEach { common.note($0) }
    let settings = try probe.settings(
      groups: groups, seed: main.seed,
      budget: main.budget.map(prepared.count),
      precision: main.precision.precision)
    try prepared.check(settings, budgets: [settings.settled?.budget].compactMap(\.self))
    let output = main.output
    let path = output + "/" + Influence.fileName
    let collective = Ranks.collective
    try Ranks.agree(
      [
        ("the version of peft", packageVersion),
        ("the instruction set", VectorKernels.active.instructionSet.rawValue),
        ("the core of BLAS", Processor.blasCoreName), ("output", output),
        ("resume", "\(main.resume)"), ("overwrite", "\(main.overwrite)"),
      ]
        + prepared.job.recipe(settings, of: prepared.inputs).members.map {
          ($0.key, $0.value.text())
        })
    let isThere = collective.rank == 0 && FileManager.default.fileExists(atPath: path)
    if main.resume, try collective.any(isThere) {
      let found = try Influence.read(path)
      if found.isComplete {
        try prepared.job.check(found, isOf: settings, on: prepared.inputs, path: path)
        common.note("the probe in \(output) is finished; there is nothing to do")
        if collective.rank == 0 {
          try CheckpointStore<ProbeCheckpoint>.tidy(output, as: .probe)
        }
        return show(found)
      }
    }
    let directory = collective.rank == 0 ? try directory() : nil
    // The others read the state that is there once the first has the directory.
    try collective.barrier()
    let session = ProbeSession(prepared: prepared, common: common)
    let (influence, isInterrupted) = try session.measure(
      settings, savingIn: directory, resuming: main.resume, collective: collective,
      resumingFrom: output)
    if let directory {
      try influence.write(to: directory.file(Influence.fileName))
      if influence.isComplete { try CheckpointStore<ProbeCheckpoint>.remove(from: directory) }
    }
    try collective.barrier()
    show(influence)
    if isInterrupted, !influence.isComplete { throw Interrupted(run: output) }
  }

  /// The directory to write, with the environment in it.
  private func directory() throws -> OutputDirectory {
    try RunManifest.refuse(main.output)
    let directory = try OutputDirectory.probe(
      main.output, overwriting: main.overwrite, resuming: main.resume)
    try EnvironmentReport.write(to: directory)
    return directory
  }

  private func show(_ influence: Influence) {
    if common.json {
      NoiseNote(influence).lines.forEach { common.note($0) }
      Console.output(influence.json)
    } else {
      NoiseNote(influence).lines.forEach { Console.output($0) }
      InfluenceFigure(influence, plan: nil).lines.forEach { Console.output(coloured: $0) }
      InfluenceTable(influence).lines.forEach { Console.output($0) }
      Console.output("influence: \(main.output)/\(Influence.fileName)")
    }
  }
}
