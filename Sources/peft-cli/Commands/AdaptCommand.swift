import ArgumentParser
import Foundation
import PEFTModels
import PEFTSelect
import PEFTStudy
import PEFTTensor

struct AdaptCommand: ParsableCommand, SingleProcessCommand {
  static let configuration = CommandConfiguration(
    commandName: "adapt",
    abstract:
      "Chooses what to train within a budget or for a goal, trains it, and compares it with others.",
    discussion: """
      The output directory holds influence.json, plan.json, frontier.csv, the trained run, \
      comparison.json and report.html.

      With --goal, the command trains sets of parameters from the head alone upwards and keeps the \
      smallest that reaches the goal.

      Examples:
        peft adapt --model minilm --train train.tsv --budget 0.5% --output run
        peft adapt --model minilm --train train.tsv --goal 98%-of-full --output few
      """)

  /// The options that most jobs need.
  struct Main: ParsableArguments {
    @OptionGroup var task: TaskOptions

    @Option(
      help: "Directory to write: probe, plan, trained run, comparison and page.",
      completion: .directory)
    var output: String

    @Option(
      help: """
        Parameters that may train, including the head: a number, or a share such as 0.5%. \
        Without counting the head: 0.01%+head. Give this or --goal.
        """,
      transform: ParameterBudget.parsed)
    var budget: ParameterBudget?

    @Option(
      help: """
        Budgets below --budget, separated by commas, such as 0.01%+head,0.05%+head: what would be \
        chosen within them is trained and compared too.
        """)
    var smallerBudgets: String?

    @Option(
      help: """
        What the smallest set of parameters has to reach on the dev data: a share of what full \
        tuning reaches, such as 98%-of-full, or a score such as 0.93, by the task's primary metric.
        """,
      transform: Goal.parsed)
    var goal: Goal?

    @Option(
      help: """
        Share of a run's cost to spend on the probe. It sets the numbers of batches if neither \
        --direction-batches nor --probe-batches is given. (default: 25%)
        """, transform: ProbeShare.parsed)
    var probeShare = ProbeShare(value: MeasuredChoice.usualProbeShare)

    @OptionGroup var evaluation: EvaluationDataOptions

    @Option(
      help: """
        Methods to compare with: \(MethodCatalogue.standard.names.joined(separator: ", ")), or \
        none for no comparison. (default: lora,bitfit,head; a language model has no head; with \
        --goal none, or full for a share)
        """, completion: .list(MethodCatalogue.standard.names))
    var baselines: String?

    @Flag(help: "Replace the run in --output.")
    var overwrite = false

    @Flag(
      help: """
        Resume the job in --output with the same options. Finished probes and runs are kept; an \
        interrupted one continues and gives the same bits.
        """)
    var resume = false

    @Flag(
      help: """
        Use the influence.json in --output if it was measured on these weights, instead of \
        probing again.
        """)
    var reuseProbe = false
  }

  @OptionGroup(title: "Main options") var main: Main
  @OptionGroup(title: "Comparison") var comparison: ComparisonOptions
  @OptionGroup(title: "Groups") var groups: GroupOptions
  @OptionGroup(title: "Probe") var probe: ProbeOptions
  @OptionGroup(title: "Training") var training: TrainingOptions
  @OptionGroup var details: TaskDetailOptions
  @OptionGroup(title: "Common") var common: CommonOptions

  /// The budget or the goal.
  ///
  /// Throws unless exactly one of them is given.
  private var aim: AdaptationAim {
    get throws {
      switch (main.budget, main.goal) {
      case (let budget?, nil): return .budget(budget)
      case (nil, let goal?): return .goal(goal)
      case (nil, nil):
        throw ValidationError(
          "give --budget, such as 0.5%, or --goal, such as 98%-of-full, for the smallest set that "
            + "reaches it")
      default: throw ValidationError("--budget and --goal exclude each other")
      }
    }
  }

  /// The requested baselines; nil for the usual ones.
  private var names: [String]? {
    main.baselines.map { $0 == "none" ? [] : $0.split(separator: ",").map(String.init) }
  }

  /// The budgets of --smaller-budgets.
  private var smallerBudgets: [ParameterBudget] {
    get throws {
      try main.smallerBudgets?.split(separator: ",", omittingEmptySubsequences: false).map {
        do {
          return try ParameterBudget.parsed(String($0))
        } catch {
          throw ValidationError("--smaller-budgets \($0): \(error)")
        }
      } ?? []
    }
  }

  func validate() throws {
    if main.resume, main.overwrite {
      throw ValidationError("--resume and --overwrite exclude each other")
    }
    if let wrong = names?.first(where: { !MethodCatalogue.standard.names.contains($0) }) {
      throw ValidationError(
        "--baselines \(wrong): there are \(MethodCatalogue.standard.names.joined(separator: ", ")), none"
      )
    }
    let hasDev = main.evaluation.dev != nil || main.evaluation.holdout(usual: .auto) != nil
    if case .goal = try aim {
      if main.smallerBudgets != nil {
        throw ValidationError("--smaller-budgets needs --budget; leave it out with --goal")
      }
      if !hasDev { throw ValidationError("--goal: give --dev data to judge it by, or --holdout") }
      if probe.settleAfter != nil {
        throw ValidationError("--settle-after needs --budget; leave it out with --goal")
      }
    }
    _ = try smallerBudgets
    try comparison.checkRates(training, hasDev: hasDev)
  }

  func run() throws {
    try common.start()
    let base = main.task.job(
      FullTuning(), evaluation: main.evaluation, details: details,
      settings: training.settings, usualHoldout: .auto)
    var job = try AdaptSession.job(
      base, aim: try aim, baselines: names, comparison: comparison, groups: groups,
      probe: probe, training: training)
    if probe.directionBatches == nil, probe.probeBatches == nil {
      job.choice.probeShare = main.probeShare.value
    }
    job.smallerBudgets = try smallerBudgets
    job.choice.warmsUp = probe.warmSteps == nil
    try AdaptSession(
      job: job, output: main.output,
      start: main.resume ? .resuming : main.overwrite ? .overwriting : .new,
      reusesProbe: main.reuseProbe, common: common
    ).run()
  }
}
